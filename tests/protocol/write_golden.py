"""Writes the golden files of messages that have none yet; one that exists is never written again."""

from __future__ import annotations

from wire_samples import GOLDEN, as_file, golden_samples

from protocol.codec import encode


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, message in golden_samples().items():
        path = GOLDEN / f"{name}.bin"
        if not path.exists():
            path.write_bytes(as_file(encode(message)))


if __name__ == "__main__":
    main()
