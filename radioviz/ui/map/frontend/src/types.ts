/** What the server sends: small descriptions, and addresses of binary columns. */

/** One binary column: gzip, fetched once for its content. */
export interface Column {
  url: string;
  /** Hash of the content, the key of the cache. */
  hash: string;
}

export interface Continuous {
  kind: "continuous";
  title: string;
  /** What points without a value are called: "no redshift". */
  unknown: string;
  /** 256 colours "#rrggbb": the first for points without a value, then low to high. */
  colours: string[];
  /** Ends of a linear scale. */
  low: number;
  high: number;
  /** Fractions 0..1 from low to high, and what to write there; empty: round numbers. */
  ticks: [number, string][];
  /** False when no point has a value: then no bar is drawn. */
  known: boolean;
}

export interface Categories {
  kind: "categories";
  title: string;
  unknown: string;
  names: string[];
  colours: string[];
  /** Whether the points of each category are rings. */
  rings: boolean[];
}

/** How points look, as the reader set it; 1 is as the map chooses. */
export interface PointLook {
  /** Factor on the diameter. */
  size: number;
  /** Opacity of all points, 0..1. */
  opacity: number;
  /** Weight of overlaid points, 0..1. */
  overlay: number;
  /** Whether overlaid points lie below the others. */
  below: boolean;
  /** Points without a value: behind the others, or like them. */
  missing: "behind" | "among" | "hidden";
}

/** Text at a place, in units of the coarse grid. */
export interface Name {
  text: string;
  x: number;
  y: number;
}

export interface Group {
  name: string;
  /** Points [start, end) of the buffers; those of the first group are dots, others rings. */
  start: number;
  end: number;
}

export interface MapData {
  /** Points in the buffers. */
  n: number;
  /** Two uint16 a point: the upper halves of 32-bit fixed-point positions. */
  coarse: Column;
  /** Two uint16 a point: the lower halves; fetched only when the zoom needs them. */
  fine: Column;
  /** Data coordinates of fixed-point 0 and 2**32: [x0, x1, y0, y1]. */
  bounds: [number, number, number, number];
  /** Fraction of the bounds that the points fill, [x0, x1, y0, y1] in 0..1. */
  extent: [number, number, number, number];
  /** One uint8 a point: 0 no value, else place on the scale; or the category. */
  codes: Column;
  colour: Continuous | Categories;
  groups: Group[];
  /** What dots and what rings are; empty where the categories say it. */
  shapes: string[];
  /** One bit a point, least significant first; null: nothing is selected. */
  selected: (Column & { count: number }) | null;
  /** One bit a point: the others are neither drawn nor found, as by a filter; null: all are. */
  shown: (Column & { count: number }) | null;
  /** Lines of equal density, flat: x0, y0, x1, y1, ... in units of the coarse grid. */
  contours: number[][];
  /** What stands on the map, most important first. */
  names: Name[];
  /** Part of the map to begin with, [x0, x1, y0, y1] in data coordinates; null: all of it. */
  area: [number, number, number, number] | null;
  /** Fixed-point position of the point in focus, [x, y] in units of the coarse grid. */
  focus: [number, number] | null;
  titles: { x: string; y: string };
  description: string;
  /** CSS length. */
  height: string;
  marks: PointLook;
  renderer: "auto" | "gpu" | "cpu";
  /** Whether the server answers what is under the pointer. */
  hover: boolean;
  /** Name under which answers to hovering arrive. */
  channel: string;
  /** To be shown under the map: what was left out and why. */
  notes: string[];
}

/** What a person did, sent to the server. Positions are in data coordinates. */
export interface MapEvent {
  kind: "lasso" | "box" | "click" | "cleared";
  /** Grows with every event, and distinguishes two browser tabs. */
  stamp: string;
  /** Hash of the positions that were seen. */
  seen: string;
  /** Corners of the lasso or box, flat: x0, y0, x1, y1, ... */
  polygon?: number[];
  /** Point in the buffers that was clicked. */
  index?: number;
  /** Add to what is selected. */
  add: boolean;
  /** Categories hidden in the legend: they are not selected. */
  hidden: number[];
}

/** What is in view, in data coordinates, and the categories hidden in the legend. */
export interface Seen {
  area: [number, number, number, number];
  hidden: number[];
  /** Hash of the positions that are seen. */
  seen: string;
}

/** The answer to hovering. */
export interface Answer {
  index: number;
  seen: string;
  text: string;
  /** Address of a picture, "" for none. */
  image: string;
}

/** What Streamlit hands to a component. */
export interface ComponentArgs<D> {
  data: D;
  parentElement: HTMLElement | ShadowRoot;
  setStateValue: (name: string, value: unknown) => void;
  setTriggerValue: (name: string, value: unknown) => void;
}

export interface Rgb {
  r: number;
  g: number;
  b: number;
}
