"""Charts are flattened by turns: how each face is turned, then where each vertex lies.

After Liu et al. 2008, "A Local/Global Approach to Mesh Parameterization" (as rigid as possible): the places
solve a Laplace system with cotangent weights, by conjugate gradients that start from the places so far.
Faces and vertices of a chart lie in one range: `face_starts`, `vertex_starts`. A thread takes a
chart. A face is `corners` (M, 3),
its `rest` shape (M, 3) = (length of side 0, x and y of corner 2), and `weights` (M, 3) of the side from i
to i + 1.
"""

import warp as wp


@wp.func
def rest_side(shape: wp.vec3f, side: int):
    """The side from corner `side` to the next one of a face at rest."""
    edge = wp.vec2f(shape[0], 0.0)
    if side == 1:
        edge = wp.vec2f(shape[1] - shape[0], shape[2])
    if side == 2:
        edge = wp.vec2f(-shape[1], -shape[2])
    return edge


@wp.func
def turn_faces(
    low: int,
    high: int,
    corners: wp.array2d(dtype=wp.int32),
    rest: wp.array(dtype=wp.vec3f),
    weights: wp.array2d(dtype=wp.float32),
    places: wp.array(dtype=wp.vec2f),
    turns: wp.array(dtype=wp.vec2f),
):
    """The rotation `turns` (M,) = (cosine, sine) of each face that fits its places best."""
    for face in range(low, high):
        along = float(0.0)
        aside = float(0.0)
        for side in range(3):
            edge = places[corners[face, (side + 1) % 3]] - places[corners[face, side]]
            still = rest_side(rest[face], side)
            along += weights[face, side] * wp.dot(still, edge)
            aside += weights[face, side] * (still[0] * edge[1] - still[1] * edge[0])
        length = wp.sqrt(along * along + aside * aside)
        if length > 0.0:
            turns[face] = wp.vec2f(along / length, aside / length)


@wp.func
def pull(
    face_low: int,
    face_high: int,
    low: int,
    high: int,
    corners: wp.array2d(dtype=wp.int32),
    rest: wp.array(dtype=wp.vec3f),
    weights: wp.array2d(dtype=wp.float32),
    turns: wp.array(dtype=wp.vec2f),
    places: wp.array(dtype=wp.vec2f),
    diagonal: wp.array(dtype=wp.float32),
    residuals: wp.array(dtype=wp.vec2f),
):
    """The force `residuals` (V, 2) of the turned faces on each vertex; `diagonal` (V,) sums their weights."""
    for vertex in range(low, high):
        diagonal[vertex] = 0.0
        residuals[vertex] = wp.vec2f(0.0, 0.0)
    for face in range(face_low, face_high):
        cosine = turns[face][0]
        sine = turns[face][1]
        for side in range(3):
            one = corners[face, side]
            two = corners[face, (side + 1) % 3]
            still = rest_side(rest[face], side)
            wanted = wp.vec2f(cosine * still[0] - sine * still[1], sine * still[0] + cosine * still[1])
            force = weights[face, side] * (places[two] - places[one] - wanted)
            residuals[one] = residuals[one] + force
            residuals[two] = residuals[two] - force
            diagonal[one] = diagonal[one] + weights[face, side]
            diagonal[two] = diagonal[two] + weights[face, side]


@wp.func
def place_vertices(
    face_low: int,
    face_high: int,
    low: int,
    high: int,
    corners: wp.array2d(dtype=wp.int32),
    rest: wp.array(dtype=wp.vec3f),
    weights: wp.array2d(dtype=wp.float32),
    turns: wp.array(dtype=wp.vec2f),
    n_iterations: int,
    tolerance: float,
    diagonal: wp.array(dtype=wp.float32),
    residuals: wp.array(dtype=wp.vec2f),
    directions: wp.array(dtype=wp.vec2f),
    products: wp.array(dtype=wp.vec2f),
    places: wp.array(dtype=wp.vec2f),
):
    """Moves the places of a chart to where its turned faces fit together best."""
    pull(face_low, face_high, low, high, corners, rest, weights, turns, places, diagonal, residuals)
    rho = float(0.0)
    for vertex in range(low, high):
        directions[vertex] = residuals[vertex] / diagonal[vertex]
        rho += wp.dot(residuals[vertex], directions[vertex])
    goal = rho * tolerance
    step = int(0)
    while step < n_iterations and rho > goal and rho > 1.0e-20:
        step += 1
        for vertex in range(low, high):
            products[vertex] = wp.vec2f(0.0, 0.0)
        for face in range(face_low, face_high):
            for side in range(3):
                one = corners[face, side]
                two = corners[face, (side + 1) % 3]
                force = weights[face, side] * (directions[two] - directions[one])
                products[one] = products[one] - force
                products[two] = products[two] + force
        curvature = float(0.0)
        for vertex in range(low, high):
            curvature += wp.dot(directions[vertex], products[vertex])
        if curvature <= 0.0:
            step = n_iterations
        else:
            alpha = rho / curvature
            before = rho
            rho = float(0.0)
            for vertex in range(low, high):
                places[vertex] = places[vertex] + alpha * directions[vertex]
                residuals[vertex] = residuals[vertex] - alpha * products[vertex]
                rho += wp.dot(residuals[vertex], residuals[vertex]) / diagonal[vertex]
            beta = rho / before
            for vertex in range(low, high):
                directions[vertex] = residuals[vertex] / diagonal[vertex] + beta * directions[vertex]


@wp.kernel
def flatten(
    first: int,
    members: wp.array(dtype=wp.int32),
    face_starts: wp.array(dtype=wp.int32),
    vertex_starts: wp.array(dtype=wp.int32),
    corners: wp.array2d(dtype=wp.int32),
    rest: wp.array(dtype=wp.vec3f),
    weights: wp.array2d(dtype=wp.float32),
    turns: wp.array(dtype=wp.vec2f),
    round_low: int,
    round_high: int,
    n_first_steps: int,
    n_steps: int,
    tolerance: float,
    diagonal: wp.array(dtype=wp.float32),
    residuals: wp.array(dtype=wp.vec2f),
    directions: wp.array(dtype=wp.vec2f),
    products: wp.array(dtype=wp.vec2f),
    places: wp.array(dtype=wp.vec2f),
):
    """Turns and places by turns; the first round of all takes `turns` as they are."""
    chart = members[first + wp.tid()]
    face_low = face_starts[chart]
    face_high = face_starts[chart + 1]
    for number in range(round_low, round_high):
        n_iterations = int(n_first_steps)
        if number > 0:
            n_iterations = n_steps
            turn_faces(face_low, face_high, corners, rest, weights, places, turns)
        place_vertices(
            face_low,
            face_high,
            vertex_starts[chart],
            vertex_starts[chart + 1],
            corners,
            rest,
            weights,
            turns,
            n_iterations,
            tolerance,
            diagonal,
            residuals,
            directions,
            products,
            places,
        )
