"""How a rigid-body scene looks: procedural surfaces, lights, the world around, render settings.

Runs inside Blender. The two collections use different textures, so that a model trained on one
has not seen the surfaces of the other.
"""

# The stubs hold every pointer of Blender for empty and every node socket for the plainest.
# pyright: reportOptionalMemberAccess=false, reportAttributeAccessIssue=false
from __future__ import annotations

import colorsys

import bpy
import numpy as np
from mathutils import Vector

from .plan import Plan, camera_path
from .simulate import key_curves, key_motion

_TEXTURES = {
    "evaluation": ("ShaderNodeTexNoise", "ShaderNodeTexWave"),
    "training": (
        "ShaderNodeTexChecker",
        "ShaderNodeTexVoronoi",
        "ShaderNodeTexBrick",
        "ShaderNodeTexMagic",
    ),
}
# hue range (turns), saturation, value, roughness, metallic
_SURFACES = {
    "wood": ((0.05, 0.11), (0.45, 0.8), (0.3, 0.75), (0.4, 0.8), 0.0),
    "metal": ((0.0, 1.0), (0.0, 0.25), (0.5, 0.85), (0.1, 0.4), 1.0),
    "glass": ((0.35, 0.6), (0.2, 0.6), (0.7, 1.0), (0.02, 0.15), 0.0),
    "stone": ((0.0, 1.0), (0.0, 0.15), (0.15, 0.6), (0.7, 1.0), 0.0),
    "soft": ((0.0, 1.0), (0.5, 0.95), (0.6, 1.0), (0.8, 1.0), 0.0),
}
_GROUND_SCALE, _BODY_SCALE = (0.8, 4.0), (2.0, 9.0)
_PLAIN_SHARE = 0.75
_COLOUR_TRIES = 5

Colour = tuple[float, float, float]


def _colour(rng: np.random.Generator, material: str) -> Colour:
    hue, saturation, value, _, _ = _SURFACES[material]
    shade = (float(rng.uniform(*span)) for span in (hue, saturation, value))
    return colorsys.hsv_to_rgb(*shade)


def _contrasting(rng: np.random.Generator, material: str, behind: list[Colour]) -> Colour:
    """A colour of `material` that stands out from those behind it, as well as a few tries can."""
    tries = [_colour(rng, material) for _ in range(_COLOUR_TRIES)]
    return max(tries, key=lambda one: min(float(np.abs(np.subtract(one, b)).max()) for b in behind))


def _surface(
    rng: np.random.Generator,
    collection: str,
    material: str,
    colour: Colour,
    scale: tuple[float, float],
    *,
    plain: bool,
) -> bpy.types.Material:
    """A surface of `material`: two shades of a colour in a procedural pattern.

    A plain one only scatters light, which is quick to render.
    """
    made = bpy.data.materials.new(material)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    dark = tuple(part * float(rng.uniform(0.45, 0.85)) for part in colour)
    kinds = _TEXTURES[collection]
    texture = nodes.new(kinds[int(rng.integers(len(kinds)))])
    if "Scale" in texture.inputs:
        texture.inputs["Scale"].default_value = float(rng.uniform(*scale))
    place = nodes.new("ShaderNodeTexCoord")
    links.new(place.outputs["Object"], texture.inputs["Vector"])
    mix = nodes.new("ShaderNodeMixRGB")
    mix.inputs[1].default_value, mix.inputs[2].default_value = (*colour, 1), (*dark, 1)
    value = texture.outputs.get("Fac") or texture.outputs.get("Distance") or texture.outputs[0]
    links.new(value, mix.inputs[0])
    # Light from all around, without a ray: see _light.
    glow = nodes.new("ShaderNodeEmission")
    links.new(mix.outputs[0], glow.inputs["Color"])
    glow.inputs["Strength"].default_value = bpy.context.scene.world["ambient"]
    end = next(node for node in nodes if node.type == "OUTPUT_MATERIAL")
    both = nodes.new("ShaderNodeAddShader")
    links.new(glow.outputs[0], both.inputs[1])
    links.new(both.outputs[0], end.inputs["Surface"])
    if plain:
        scatter = nodes.new("ShaderNodeBsdfDiffuse")
        links.new(mix.outputs[0], scatter.inputs["Color"])
        links.new(scatter.outputs[0], both.inputs[0])
        return made
    links.new(shader.outputs[0], both.inputs[0])
    links.new(mix.outputs[0], shader.inputs["Base Color"])
    _, _, _, roughness, metallic = _SURFACES[material]
    shader.inputs["Roughness"].default_value = float(rng.uniform(*roughness))
    shader.inputs["Metallic"].default_value = metallic
    if material == "glass":
        shader.inputs["Transmission Weight"].default_value = 0.55
        shader.inputs["IOR"].default_value = 1.2
    return made


def dress(
    rng: np.random.Generator,
    plan: Plan,
    ground: list[bpy.types.Object],
    things: list[bpy.types.Object],
) -> None:
    """Give every part of the ground and every body a surface, and light the scene."""
    _light(rng)
    names = tuple(_SURFACES)
    colours = [_colour(rng, names[int(rng.integers(len(names)))]) for _ in range(2)]
    plain = [rng.random() < _PLAIN_SHARE for _ in range(2)]
    floor, wall = (
        _surface(rng, plan.collection, "stone", colour, _GROUND_SCALE, plain=flat)
        for colour, flat in zip(colours, plain, strict=True)
    )
    for part in ground:
        walls = ("back", "left", "right", "below")
        part.data.materials.append(wall if part.name.split(".")[0] in walls else floor)
    behind = colours if plan.ground.kind in ("room", "table", "tray") else colours[:1]
    for body, thing in zip(plan.bodies, things, strict=True):
        colour = _contrasting(rng, body.material, behind)
        surface = _surface(rng, plan.collection, body.material, colour, _BODY_SCALE, plain=False)
        thing.data.materials.append(surface)
        for child in thing.children:
            child.data.materials.append(surface)


def _light(rng: np.random.Generator) -> None:
    """One or two lamps and the world.

    Rays to the world are what makes few samples noisy, so diffuse surfaces do not ask it for
    light: they glow a little in their own colour instead (`ambient`).
    """
    scene = bpy.context.scene
    world = bpy.data.worlds.new("world")
    scene.world = world
    world.use_nodes = True
    sky = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    tint = colorsys.hsv_to_rgb(float(rng.random()), float(rng.uniform(0, 0.45)), 1.0)
    sky.inputs[0].default_value = (*tint, 1)
    sky.inputs[1].default_value = float(rng.uniform(0.2, 0.8))
    world.cycles_visibility.diffuse = False
    world["ambient"] = float(rng.uniform(0.12, 0.4))
    for number in range(1 + int(rng.random() < 0.25)):
        sun = rng.random() < 0.5
        light = bpy.data.lights.new(f"light{number}", "SUN" if sun else "AREA")
        light.energy = float(rng.uniform(0.8, 2.6) if sun else rng.uniform(50, 150))
        light.color = colorsys.hsv_to_rgb(float(rng.random()), float(rng.uniform(0, 0.3)), 1.0)
        if isinstance(light, bpy.types.AreaLight):
            light.size = float(rng.uniform(0.1, 0.8))
        lamp = bpy.data.objects.new(light.name, light)
        lamp.location = (
            *rng.uniform(-2.5, 2.5, 1),
            float(rng.uniform(-3, 0.3)),
            float(rng.uniform(2, 3.5)),
        )
        lamp.rotation_euler = (-lamp.location).to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(lamp)


def add_camera(plan: Plan, source_fps: float) -> bpy.types.Object:
    """Put up the camera, keyed at source frames where it moves."""
    scene = bpy.context.scene
    lens = bpy.data.cameras.new("camera")
    lens.sensor_width = 36.0
    lens.lens = 36.0 * plan.camera.distance / plan.camera.width
    camera = bpy.data.objects.new("camera", lens)
    camera.rotation_mode = "QUATERNION"
    scene.collection.objects.link(camera)
    scene.camera = camera
    times = np.arange(0, plan.duration_s + 0.1, 0.04)
    eye, looks_at = camera_path(plan.camera, plan.seed, times, plan.duration_s)
    turns = np.array(
        [Vector(to - at).to_track_quat("-Z", "Y") for at, to in zip(eye, looks_at, strict=True)]
    )
    camera.location, camera.rotation_quaternion = eye[0], turns[0]
    if plan.camera.orbit or plan.camera.shake:
        key_motion(key_curves(camera), times * source_fps, eye, turns)
    return camera


def set_render(plan: Plan, size_px: int, samples: int) -> None:
    """Cycles on one thread: few rays, few bounces, nothing rebuilt between frames."""
    scene = bpy.context.scene
    render, cycles = scene.render, scene.cycles
    render.engine, cycles.device = "CYCLES", "CPU"
    cycles.samples, cycles.seed = samples, plan.seed % 1000
    cycles.use_animated_seed = plan.seed % 2 == 0
    cycles.use_adaptive_sampling = cycles.use_denoising = False
    cycles.max_bounces, cycles.diffuse_bounces = 4, 0
    cycles.glossy_bounces, cycles.transmission_bounces = 2, 4
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 2.0
    render.resolution_x, render.resolution_y, render.resolution_percentage = size_px, size_px, 100
    render.pixel_aspect_x, render.pixel_aspect_y = 16 / 9, 1.0  # squashed, as the server does
    render.use_persistent_data = True
    render.threads_mode, render.threads = "FIXED", 1
    render.use_compositing = render.use_sequencer = False
    render.use_motion_blur = plan.camera.blur > 0
    render.motion_blur_shutter = max(plan.camera.blur, 0.01)
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode, render.image_settings.compression = "RGB", 0
    scene.view_settings.view_transform = "Standard"
