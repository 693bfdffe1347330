// Shows layers as pictures, blue above zero and orange below. A selected value is framed, with the
// windows of the earlier layers that it depends on, and the values of the later layers that depend
// on it.

const BLUE = [59, 130, 208];
const ORANGE = [217, 130, 43];
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

const largest = (planes) => Math.max(1e-9, ...planes.flat(2).map(Math.abs));

function picture(rows, limit) {
  const canvas = document.createElement("canvas");
  canvas.width = rows[0].length;
  canvas.height = rows.length;
  const pen = canvas.getContext("2d");
  const pixels = pen.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, at) => {
    const share = Math.min(1, Math.abs(value) / limit);
    pixels.data.set([...(value < 0 ? ORANGE : BLUE), Math.round(255 * share)], 4 * at);
  });
  pen.putImageData(pixels, 0, 0);
  return canvas;
}

// The window of a range of rows (or columns) of a layer, as a range of its input.
const windowOf = (layer, [from, to]) => [
  layer.stride * from - layer.before,
  layer.stride * to - layer.before + layer.size - 1,
];
// The range of rows (or columns) of a layer whose windows meet a range of its input.
const reachedBy = (layer, [from, to]) => [
  Math.ceil((from + layer.before - layer.size + 1) / layer.stride),
  Math.floor((to + layer.before) / layer.stride),
];

// The selected value, {layer, channel, row, column}. It outlives an element: Streamlit may make a
// new one, for example for the layers of another picture.
const kept = { place: null, isPinned: false };

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".layers");
  const status = parentElement.querySelector("[role=status]");
  const pictures = parentElement.querySelector(".pictures");
  const { layers } = data;
  const focused = root.getRootNode().activeElement?.getAttribute("aria-label");

  const planes = layers.map((layer) => layer.planes.map(() => null));
  root.replaceChildren(
    ...layers.flatMap((layer, number) => {
      const title = document.createElement("p");
      title.textContent = layer.title;
      const row = document.createElement("div");
      row.className = "planes";
      const limit = largest(layer.planes);
      layer.planes.forEach((values, channel) => {
        const plane = document.createElement("div");
        plane.className = "plane";
        plane.tabIndex = 0;
        plane.setAttribute("role", "application");
        plane.setAttribute("aria-label", `${layer.name}, channel ${channel}`);
        plane.append(picture(values, limit));
        planes[number][channel] = plane;
        const at = (event) => {
          const box = plane.getBoundingClientRect();
          const cell = (offset, side, count) =>
            Math.min(count - 1, Math.max(0, Math.floor((offset / side) * count)));
          return {
            layer: number,
            channel,
            row: cell(event.clientY - box.top, box.height, values.length),
            column: cell(event.clientX - box.left, box.width, values[0].length),
          };
        };
        plane.addEventListener("pointermove", (event) => kept.isPinned || select(at(event)));
        plane.addEventListener("click", (event) => {
          kept.isPinned = true;
          select(at(event));
        });
        plane.addEventListener("keydown", (event) => {
          if (event.key === "Escape") kept.isPinned = false;
          if (!(event.key in ARROWS)) return;
          const here = kept.place?.layer === number && kept.place.channel === channel;
          const [down, right] = here ? ARROWS[event.key] : [0, 0];
          const from = here ? kept.place : { row: values.length >> 1, column: values[0].length >> 1 };
          kept.isPinned = true;
          select({
            layer: number,
            channel,
            row: Math.min(values.length - 1, Math.max(0, from.row + down)),
            column: Math.min(values[0].length - 1, Math.max(0, from.column + right)),
          });
          event.preventDefault();
        });
        row.append(plane);
      });
      return [title, row];
    }),
  );

  const frame = (number, channels, rows, columns) => {
    const count = layers[number].planes[0].length;
    const percent = (value) => `${(100 * Math.min(count, Math.max(0, value))) / count}%`;
    for (const channel of channels) {
      const mark = document.createElement("div");
      mark.className = "mark";
      mark.style.top = percent(rows[0]);
      mark.style.left = percent(columns[0]);
      mark.style.bottom = `calc(100% - ${percent(rows[1] + 1)})`;
      mark.style.right = `calc(100% - ${percent(columns[1] + 1)})`;
      planes[number][channel].append(mark);
    }
  };
  const all = (number) => layers[number].planes.map((_, channel) => channel);

  const select = (place) => {
    kept.place = place;
    root.querySelectorAll(".mark").forEach((mark) => mark.remove());
    const { layer, channel, row, column } = place;
    frame(layer, [channel], [row, row], [column, column]);
    let [rows, columns, channels] = [[row, row], [column, column], [channel]];
    for (let at = layer; at > 0; at -= 1) {
      [rows, columns] = [windowOf(layers[at], rows), windowOf(layers[at], columns)];
      channels = layers[at].weight ? all(at - 1) : channels;
      frame(at - 1, channels, rows, columns);
    }
    [rows, columns, channels] = [[row, row], [column, column], [channel]];
    for (let at = layer + 1; at < layers.length; at += 1) {
      [rows, columns] = [reachedBy(layers[at], rows), reachedBy(layers[at], columns)];
      channels = layers[at].weight ? all(at) : channels;
      frame(at, channels, rows, columns);
    }
    describe(place);
  };

  const describe = ({ layer, channel, row, column }) => {
    const here = layers[layer];
    const value = here.planes[channel][row][column];
    const name = `${here.name}, channel ${channel}, row ${row}, column ${column}: ${value}`;
    const shown = [];
    const add = (rows, limit, caption) => {
      const figure = document.createElement("figure");
      const plane = document.createElement("div");
      plane.className = "plane";
      plane.append(picture(rows, limit));
      const text = document.createElement("figcaption");
      text.textContent = caption;
      figure.append(plane, text);
      shown.push(figure);
    };
    let formula = "";
    if (layer > 0) {
      const before = layers[layer - 1];
      const limit = largest(before.planes);
      const indices = [...Array(here.size).keys()];
      const top = here.stride * row - here.before;
      const left = here.stride * column - here.before;
      const sources = here.weight ? all(layer - 1) : [channel];
      for (const source of sources) {
        const cut = indices.map((i) =>
          indices.map((j) => before.planes[source][top + i]?.[left + j] ?? 0));
        const suffix = sources.length > 1 ? ` ${source}` : "";
        add(cut, limit, `window${suffix}`);
        if (here.weight) {
          const kernels = here.weight[channel];
          add(kernels[source], largest(here.weight.flat()), `kernel${suffix}`);
        }
      }
      formula = here.weight
        ? `, the ReLU of the sum of window times kernel and the bias ${here.bias[channel]}`
        : ", from the window";
    }
    status.textContent = name + formula + (kept.isPinned ? " (kept; Escape releases it)" : "");
    pictures.replaceChildren(...shown);
  };

  const { place } = kept;
  const row = place && layers[place.layer]?.planes[place.channel]?.[place.row];
  if (row?.[place.column] !== undefined) select(place);
  const again = planes.flat().find((plane) => plane.getAttribute("aria-label") === focused);
  if (focused) again?.focus({ preventScroll: true });
}
