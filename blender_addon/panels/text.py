"""Text that is longer than the panel is wide is broken into lines, by what its letters measure on screen."""

import blf
import bpy

from ..sentences import translated, words

_CLOSING = "。、，！？）」：；"  # never the first letter of a line
_MARGIN_PX = 84  # what tabs, a box and an icon take of the sidebar at a scale of 1; seen in 4.3 and 5.2
_BUTTON_PX = 24  # a button that is only an icon, and the gap before it


def draw_text(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    text: str,
    icon: str = "NONE",
    *,
    has_button: bool = False,
) -> None:
    """Draws a sentence in lines, the icon before the first; `has_button`: a small one stands beside it."""
    if not text:
        return
    column = layout.column(align=True)
    column.scale_y = 0.85
    scale = context.preferences.system.ui_scale
    margin_px = (_MARGIN_PX + (_BUTTON_PX if has_button else 0)) * scale
    width_px = (context.region.width if context.region else 300) - margin_px
    for number, line in enumerate(lines_of(translated(text), width_px, 11.0 * scale)):
        blank = "BLANK1" if icon != "NONE" else "NONE"
        column.label(text=line, icon=icon if number == 0 else blank, translate=False)


def lines_of(text: str, width_px: float, size_px: float) -> list[str]:
    """`text` in lines no wider than `width_px`; Chinese and Japanese break anywhere, others between words."""
    blf.size(0, size_px)
    if any(map(_is_wide, text)):
        width_px -= size_px  # labels are clipped earlier with such letters than blf measures; seen in 4.3
    lines, line = [], ""
    for piece in _pieces(text):
        if line.strip() and blf.dimensions(0, (line + piece).rstrip())[0] > width_px:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()]


def _pieces(text: str) -> list[str]:
    """Where a line may be broken: after spaces, and around letters of scripts without spaces."""
    pieces: list[str] = []
    for letter in text:
        if not pieces or (_is_wide(letter) and letter not in _CLOSING) or pieces[-1].endswith(" "):
            pieces.append(letter)
        else:
            pieces[-1] += letter
    return pieces


def _is_wide(letter: str) -> bool:
    """Whether a letter is Chinese or Japanese: square, and written without spaces."""
    return "\u3000" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uffef"


def seconds_text(seconds: float) -> str:
    """A time as a person would say it: 8 s, 1:40 min."""
    whole = max(round(seconds), 1)
    if whole < 100:
        return words("{seconds} s").format(seconds=whole)
    return words("{time} min").format(time=f"{whole // 60}:{whole % 60:02d}")
