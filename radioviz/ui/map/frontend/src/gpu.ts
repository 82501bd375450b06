/** Paints with WebGL 2: points are added up in a float texture, then converted to colour. */
import * as twgl from "twgl.js";
import { STEEP, TABLE_ROWS, type Painter, type Style, type View } from "./painter.ts";
import type { Points } from "./points.ts";

const POINTS_VERTEX = `#version 300 es
in vec2 a_coarse;
in vec2 a_fine;
in float a_place;
uniform vec2 u_coarse;
uniform vec2 u_fine;
uniform vec2 u_scale;
uniform float u_size;
uniform float u_gain;
uniform sampler2D u_table;
out vec4 v_colour;
void main() {
  // Whole and fractional parts are subtracted apart, so that any zoom keeps its precision.
  vec2 p = (a_coarse - u_coarse) + (a_fine - u_fine) / 65536.0;
  gl_Position = vec4(p * u_scale, 0.0, 1.0);
  gl_PointSize = u_size;
  int place = int(a_place + 0.5);
  v_colour = texelFetch(u_table, ivec2(place & 255, place >> 8), 0) * u_gain;
  if (v_colour.a == 0.0) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
}`;

const POINTS_FRAGMENT = `#version 300 es
precision highp float;
in vec4 v_colour;
uniform float u_size;
uniform bool u_ring;
out vec4 o_sum;
void main() {
  float cover = 1.0;
  if (u_size > 2.5) {
    float r = 0.5 * u_size;
    float d = length(gl_PointCoord - 0.5) * u_size;
    cover = clamp(r - d + 0.5, 0.0, 1.0);
    if (u_ring) cover = min(cover, clamp(1.2 - abs(d - (r - 0.9)) / 1.2, 0.0, 1.0));
    if (cover <= 0.0) discard;
  }
  o_sum = v_colour * cover;
}`;

const COLOUR_VERTEX = `#version 300 es
in vec2 a_corner;
void main() { gl_Position = vec4(a_corner, 0.0, 1.0); }`;

const COLOUR_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D u_sums;
uniform float u_full;
uniform float u_steep;
uniform float u_opacity;
out vec4 o_colour;
void main() {
  vec4 s = texelFetch(u_sums, ivec2(gl_FragCoord.xy), 0);
  if (s.a <= 0.0) { o_colour = vec4(0.0); return; }
  float a = min(1.0, log(1.0 + u_steep * s.a) / log(1.0 + u_steep * max(1.0, u_full))) * u_opacity;
  o_colour = vec4(s.rgb / s.a * a, a);
}`;

/** Name of what really draws, "" when the browser does not tell. */
export function rendererName(): string {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return "none";
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return name;
}

/** Whether WebGL is there and drawn by hardware. */
export function hasHardware(): boolean {
  const name = rendererName();
  return name !== "none" && !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

export class GpuPainter implements Painter {
  readonly kind = "gpu";
  readonly canvas = document.createElement("canvas");
  private readonly gl: WebGL2RenderingContext;
  private points: Points | null = null;
  private pointsProgram!: twgl.ProgramInfo;
  private colourProgram!: twgl.ProgramInfo;
  private buffers: twgl.BufferInfo | null = null;
  private vertices: WebGLVertexArrayObject | null = null;
  private corners!: twgl.BufferInfo;
  /** Of dots, and of rings. */
  private sums: twgl.FramebufferInfo[] = [];
  private ringed = false;
  private table: WebGLTexture | null = null;
  private format = 0;
  private view!: View;
  private style!: Style;

  constructor() {
    const gl = this.canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
    if (!gl) throw new Error("WebGL 2 is missing");
    this.gl = gl;
    this.start();
  }

  /** Make all that lives on the graphics card; again after its context was lost. */
  start(): void {
    const gl = this.gl;
    if (!gl.getExtension("EXT_color_buffer_float")) throw new Error("no float render targets");
    this.format = gl.getExtension("EXT_float_blend") ? gl.RGBA32F : gl.RGBA16F;
    this.pointsProgram = twgl.createProgramInfo(gl, [POINTS_VERTEX, POINTS_FRAGMENT]);
    this.colourProgram = twgl.createProgramInfo(gl, [COLOUR_VERTEX, COLOUR_FRAGMENT]);
    if (!this.pointsProgram || !this.colourProgram) throw new Error("the shaders do not compile");
    this.corners = twgl.createBufferInfoFromArrays(gl, {
      a_corner: { numComponents: 2, data: [-1, -1, 1, -1, -1, 1, 1, 1] },
    });
    this.table = gl.createTexture();
    this.sums = [];
    this.buffers = null;
    if (this.points) this.load(this.points, "all");
    if (this.canvas.width > 1) this.makeSums();
  }

  load(points: Points, part: "all" | "fine" | "places"): void {
    const gl = this.gl;
    this.points = points;
    if (gl.isContextLost()) return;
    if (this.buffers?.attribs && part === "places") {
      twgl.setAttribInfoBufferFromArray(gl, this.buffers.attribs.a_place, points.places);
      return;
    }
    const old = this.buffers;
    this.buffers = twgl.createBufferInfoFromArrays(gl, {
      a_coarse: { numComponents: 2, data: points.coarse, normalize: false },
      a_fine: points.fine
        ? { numComponents: 2, data: points.fine, normalize: false }
        : { value: [32768, 32768] },
      a_place: { numComponents: 1, data: points.places, normalize: false },
    } as unknown as twgl.Arrays);
    if (this.vertices) gl.deleteVertexArray(this.vertices);
    this.vertices = twgl.createVertexArrayInfo(gl, this.pointsProgram, this.buffers)
      .vertexArrayObject as WebGLVertexArrayObject;
    for (const attribute of Object.values(old?.attribs ?? {})) {
      if (attribute.buffer) gl.deleteBuffer(attribute.buffer);
    }
  }

  resize(width: number, height: number): void {
    if (this.sums.length && this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = Math.max(1, width);
    this.canvas.height = Math.max(1, height);
    if (!this.gl.isContextLost()) this.makeSums();
  }

  private makeSums(): void {
    const gl = this.gl;
    for (const { attachments, framebuffer } of this.sums) {
      for (const texture of attachments) gl.deleteTexture(texture as WebGLTexture);
      gl.deleteFramebuffer(framebuffer);
    }
    this.sums = [this.newSums()];
  }

  private newSums(): twgl.FramebufferInfo {
    const { width, height } = this.canvas;
    const kind = { internalFormat: this.format, minMag: this.gl.NEAREST, wrap: this.gl.CLAMP_TO_EDGE };
    return twgl.createFramebufferInfo(this.gl, [kind], width, height);
  }

  begin(view: View, style: Style): void {
    const gl = this.gl;
    this.view = view;
    this.style = style;
    if (gl.isContextLost() || !this.sums.length) return;
    this.ringed = false;
    gl.clearColor(0, 0, 0, 0);
    for (const sums of this.sums) {
      twgl.bindFramebufferInfo(gl, sums);
      gl.clear(gl.COLOR_BUFFER_BIT);
    }
    gl.bindTexture(gl.TEXTURE_2D, this.table);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, 256, TABLE_ROWS, 0, gl.RGBA, gl.FLOAT, style.table);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  add(start: number, end: number, ring: boolean): void {
    const gl = this.gl;
    const { points, view, style } = this;
    if (gl.isContextLost() || !this.sums.length || !points || end <= start) return;
    if (ring && this.sums.length === 1) {
      this.sums.push(this.newSums());
      twgl.bindFramebufferInfo(gl, this.sums[1]);
      gl.clear(gl.COLOR_BUFFER_BIT);
    }
    this.ringed ||= ring;
    const ratio = this.canvas.width / view.width;
    const cx = (view.width / 2 - view.tx) / view.sx;
    const cy = (view.height / 2 - view.ty) / view.sy;
    const whole = [Math.floor(cx), Math.floor(cy)];
    twgl.bindFramebufferInfo(gl, this.sums[ring ? 1 : 0]);
    gl.useProgram(this.pointsProgram.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    gl.bindVertexArray(this.vertices);
    twgl.setUniforms(this.pointsProgram, {
      u_coarse: whole,
      u_fine: [(cx - whole[0]) * 65536, (cy - whole[1]) * 65536],
      u_scale: [(2 * view.sx) / view.width, (-2 * view.sy) / view.height],
      u_size: (ring ? style.size + 4 : style.size) * ratio,
      u_ring: ring,
      u_gain: style.gain * (ring ? style.ring : 1),
      u_table: this.table,
    });
    gl.drawArrays(gl.POINTS, start, end - start);
    gl.bindVertexArray(null);
  }

  finish(): void {
    const gl = this.gl;
    if (gl.isContextLost() || !this.sums.length) return;
    twgl.bindFramebufferInfo(gl, null);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.colourProgram.program);
    twgl.setBuffersAndAttributes(gl, this.colourProgram, this.corners);
    const [dots, rings] = this.sums;
    const layers = this.ringed ? [dots, rings] : [dots];
    for (const { attachments } of this.style.below ? layers.reverse() : layers) {
      twgl.setUniforms(this.colourProgram, {
        u_sums: attachments[0],
        u_full: this.style.full,
        u_steep: STEEP,
        u_opacity: this.style.opacity,
      });
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    }
  }

  dispose(): void {
    this.canvas.remove();
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.points = null;
  }
}
