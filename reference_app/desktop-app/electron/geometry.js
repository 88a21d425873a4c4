// Size and place of the main window.

const DEFAULT = { width: 1200, height: 800 };
const SMALLEST = { width: 480, height: 360 };
const VISIBLE = 64;

const isNumber = (value) => Number.isFinite(value);

/**
 * The remembered bounds where they can still be seen on one of the displays' work areas, else a default
 * size without a place (the system then centres the window).
 */
export function placeWindow(remembered, workAreas) {
  const { x, y, width, height } = remembered ?? {};
  if (![x, y, width, height].every(isNumber)) {
    return DEFAULT;
  }
  const size = {
    width: Math.max(width, SMALLEST.width),
    height: Math.max(height, SMALLEST.height),
  };
  const reachable = workAreas.some(
    (area) =>
      x + size.width > area.x + VISIBLE &&
      x < area.x + area.width - VISIBLE &&
      y >= area.y &&
      y < area.y + area.height - VISIBLE,
  );
  return reachable ? { x, y, ...size } : size;
}

export const smallestWindow = { minWidth: SMALLEST.width, minHeight: SMALLEST.height };

/** Whether text on this background (#rrggbb) should be "light" or "dark". */
export function inkFor(background) {
  const [red, green, blue] = [1, 3, 5].map((start) =>
    Number.parseInt(background.slice(start, start + 2), 16),
  );
  return 0.299 * red + 0.587 * green + 0.114 * blue < 140 ? "light" : "dark";
}
