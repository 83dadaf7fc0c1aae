"""Regions grow from their seeds over the faces, the nearest first; one thread, as each step needs the last.

The queue is a binary heap in flat arrays: `keys` the distances, `slots` which link (face * 3 + side) is
crossed.
"""

import warp as wp


@wp.func
def sift_up(keys: wp.array(dtype=wp.float32), slots: wp.array(dtype=wp.int32), place: int):
    """Moves the entry at `place` up to where its key belongs; equal keys: the lower slot first."""
    at = int(place)
    key = keys[at]
    slot = slots[at]
    moving = int(1)
    while moving == 1 and at > 0:
        above = (at - 1) // 2
        if keys[above] > key or (keys[above] == key and slots[above] > slot):
            keys[at] = keys[above]
            slots[at] = slots[above]
            at = above
        else:
            moving = 0
    keys[at] = key
    slots[at] = slot


@wp.func
def sift_down(keys: wp.array(dtype=wp.float32), slots: wp.array(dtype=wp.int32), size: int):
    """Moves the entry at the root down to where its key belongs."""
    at = int(0)
    key = keys[0]
    slot = slots[0]
    moving = int(1)
    while moving == 1:
        below = 2 * at + 1
        if below >= size:
            moving = 0
        else:
            if below + 1 < size:
                if keys[below + 1] < keys[below] or (
                    keys[below + 1] == keys[below] and slots[below + 1] < slots[below]
                ):
                    below = below + 1
            if keys[below] < key or (keys[below] == key and slots[below] < slot):
                keys[at] = keys[below]
                slots[at] = slots[below]
                at = below
            else:
                moving = 0
    keys[at] = key
    slots[at] = slot


@wp.kernel
def grow(
    first: int,
    seeds: wp.array(dtype=wp.int32),
    neighbours: wp.array2d(dtype=wp.int32),
    steps: wp.array2d(dtype=wp.float32),
    normals: wp.array(dtype=wp.vec3f),
    axes: wp.array(dtype=wp.vec3f),
    steepness: float,
    n_steps: int,
    state: wp.array(dtype=wp.int32),
    keys: wp.array(dtype=wp.float32),
    slots: wp.array(dtype=wp.int32),
    labels: wp.array(dtype=wp.int32),
):
    """Labels (M,) every face that a seed reaches with the seed's number; -1 stays where none does.

    Crossing to `neighbours` (M, 3; -1 none) costs the length `steps` (M, 3), more where the face reached
    leans away from its region's axis. `n_steps` from the queue are taken in one launch; `state` is how many
    are in it, -1 before the first launch and 0 when all is done.
    """
    n_seeds = int(0)
    size = int(state[0])
    if size < 0:
        size = int(0)
        n_seeds = seeds.shape[0]
    left = int(n_steps)
    start = first + wp.tid()
    for number in range(start, n_seeds):
        face = seeds[number]
        if labels[face] < 0:
            labels[face] = number
            for side in range(3):
                there = neighbours[face, side]
                if there >= 0:
                    lean = 1.0 - wp.dot(normals[there], axes[number])
                    keys[size] = steps[face, side] * (1.0 + steepness * lean * lean)
                    slots[size] = face * 3 + side
                    sift_up(keys, slots, size)
                    size += 1
    while size > 0 and left > 0:
        left -= 1
        key = keys[0]
        slot = slots[0]
        size -= 1
        if size > 0:
            keys[0] = keys[size]
            slots[0] = slots[size]
            sift_down(keys, slots, size)
        face = slot // 3
        reached = neighbours[face, slot - 3 * face]
        if labels[reached] < 0:
            number = labels[face]
            labels[reached] = number
            for side in range(3):
                there = neighbours[reached, side]
                if there >= 0:
                    if labels[there] < 0:
                        lean = 1.0 - wp.dot(normals[there], axes[number])
                        keys[size] = key + steps[reached, side] * (1.0 + steepness * lean * lean)
                        slots[size] = reached * 3 + side
                        sift_up(keys, slots, size)
                        size += 1
    state[0] = size


@wp.kernel
def clump(
    first: int,
    low: int,
    high: int,
    neighbours: wp.array2d(dtype=wp.int32),
    normals: wp.array(dtype=wp.vec3f),
    most: int,
    least_cosine: float,
    queue: wp.array(dtype=wp.int32),
    labels: wp.array(dtype=wp.int32),
):
    """Puts the faces low..high without a label, and those around them, into clumps of `most` that face alike.

    `labels` (M,) become the number of the clump's first face; `queue` (most,) is room.
    """
    for seed in range(low + first + wp.tid(), high):
        if labels[seed] < 0:
            labels[seed] = seed
            queue[0] = seed
            size = int(1)
            done = int(0)
            while done < size:
                face = queue[done]
                done += 1
                for side in range(3):
                    there = neighbours[face, side]
                    if there >= 0 and size < most:
                        if labels[there] < 0 and wp.dot(normals[there], normals[seed]) > least_cosine:
                            labels[there] = seed
                            queue[size] = there
                            size += 1


@wp.kernel
def trim(
    first: int,
    neighbours: wp.array2d(dtype=wp.int32),
    labels: wp.array(dtype=wp.int32),
    queue: wp.array(dtype=wp.int32),
    n_moves: int,
):
    """Gives a face with two sides in one other region and one in its own to the other: teeth go.

    Such a face hangs on its region by one side, so taking it away never cuts the region.
    """
    n_faces = labels.shape[0]
    left = int(n_moves)
    start = first + wp.tid()
    size = int(0)
    for face in range(start, n_faces):
        queue[size] = face
        size += 1
    done = int(0)
    # The queue is filled again in place: at most as many entries as are left behind `done`.
    while done < size and left > 0:
        face = queue[done]
        done += 1
        a = neighbours[face, 0]
        b = neighbours[face, 1]
        c = neighbours[face, 2]
        if a >= 0 and b >= 0 and c >= 0:
            own = labels[face]
            x = labels[a]
            y = labels[b]
            z = labels[c]
            other = int(-1)
            if x == own and y == z and y != own:
                other = y
            if y == own and x == z and x != own:
                other = x
            if z == own and x == y and x != own:
                other = x
            if other >= 0:
                labels[face] = other
                left -= 1
                for side in range(3):
                    if done > 0:
                        done -= 1
                        queue[done] = neighbours[face, side]
