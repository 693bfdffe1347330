// Draws strokes with a round brush, and sends them as text (see strokes.py): while one draws a few
// times a second, and at the end of every stroke.

const PAUSE = 250; // milliseconds between two texts
const STEP = 6; // pixels between two points of a stroke, and of a step by the keyboard
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const digits = (number) => number.toString(36).padStart(2, "0");
const asText = (strokes) =>
  strokes
    .map(({ points, erases }) =>
      (erases ? "-" : "") + points.map(([x, y]) => digits(x) + digits(y)).join(""))
    .join(".");

function fromText(text) {
  return text
    .split(".")
    .filter((part) => /^-?([0-9a-z]{4})+$/.test(part))
    .map((part) => ({
      erases: part.startsWith("-"),
      points: part
        .replace("-", "")
        .match(/.{4}/g)
        .map((point) => [parseInt(point.slice(0, 2), 36), parseInt(point.slice(2), 36)]),
    }));
}

export default function ({ data, parentElement, setStateValue }) {
  const canvas = parentElement.querySelector("canvas");
  if (canvas.dataset.ready) return;
  canvas.dataset.ready = "yes";

  const pen = canvas.getContext("2d");
  const note = parentElement.querySelector("[role=status]");
  const tools = Object.fromEntries(
    [...parentElement.querySelectorAll("button")].map((button) => [button.dataset.tool, button]));
  const strokes = fromText(data.strokes);
  const before = []; // the strokes that Clear removed
  const cursor = { x: canvas.width / 2, y: canvas.height / 2, shown: false, down: false };
  let current = null;
  let erases = false;
  let sentAt = 0;

  const show = () => {
    pen.fillStyle = "black";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.lineWidth = data.brush;
    pen.lineCap = pen.lineJoin = "round";
    for (const stroke of strokes) {
      pen.strokeStyle = stroke.erases ? "black" : "white";
      pen.beginPath();
      pen.moveTo(...stroke.points[0]);
      for (const point of stroke.points) pen.lineTo(...point);
      pen.stroke();
    }
    if (cursor.shown) {
      pen.strokeStyle = cursor.down ? "#eda35a" : "#7db5ee";
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(cursor.x, cursor.y, data.brush / 2, 0, 2 * Math.PI);
      pen.stroke();
    }
  };
  const send = () => {
    sentAt = Date.now();
    setStateValue("strokes", asText(strokes));
  };
  const room = () => asText(strokes).length + 8 <= data.longest;
  const begin = (point) => {
    note.textContent = room() ? "" : "The drawing is full. Undo a stroke, or clear it.";
    if (!room()) return;
    current = { points: [point], erases };
    strokes.push(current);
    show();
  };
  const extend = ([x, y], always) => {
    const [lastX, lastY] = current.points.at(-1);
    if (!always && Math.hypot(x - lastX, y - lastY) < STEP) return;
    if (!room()) {
      note.textContent = "The drawing is full. Undo a stroke, or clear it.";
      return;
    }
    current.points.push([x, y]);
    show();
    if (Date.now() - sentAt > PAUSE) send();
  };
  const finish = () => {
    if (current === null) return;
    current = null;
    send();
  };
  const inside = (value, side) => Math.round(Math.min(Math.max(value, 0), side));
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [
      inside(((event.clientX - box.left) / box.width) * canvas.width, canvas.width),
      inside(((event.clientY - box.top) / box.height) * canvas.height, canvas.height),
    ];
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    cursor.shown = cursor.down = false;
    begin(place(event));
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (current !== null && !cursor.down) extend(place(event));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (current !== null && !cursor.down) extend(place(event), true);
    finish();
  });
  canvas.addEventListener("pointercancel", finish);

  const choose = (eraser) => {
    erases = eraser;
    tools.pen.ariaPressed = String(!eraser);
    tools.eraser.ariaPressed = String(eraser);
  };
  const lift = () => {
    cursor.down = false;
    finish();
  };
  const undo = () => {
    lift();
    if (strokes.length) strokes.pop();
    else strokes.push(...before.splice(0));
    note.textContent = "";
    show();
    send();
  };
  const clear = () => {
    lift();
    if (strokes.length) before.splice(0, before.length, ...strokes.splice(0));
    note.textContent = "";
    show();
    send();
  };
  tools.pen.addEventListener("click", () => choose(false));
  tools.eraser.addEventListener("click", () => choose(true));
  tools.undo.addEventListener("click", undo);
  tools.clear.addEventListener("click", clear);
  tools.save.addEventListener("click", () => {
    const link = document.createElement("a");
    link.download = "digit.png";
    link.href = canvas.toDataURL("image/png");
    link.click();
  });

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      const [right, down] = ARROWS[event.key];
      cursor.shown = true;
      cursor.x = inside(cursor.x + STEP * right, canvas.width);
      cursor.y = inside(cursor.y + STEP * down, canvas.height);
      if (cursor.down && current !== null) extend([cursor.x, cursor.y], true);
    } else if (event.key === " ") {
      cursor.shown = true;
      if (cursor.down) {
        lift();
        note.textContent = "The pen is up.";
      } else {
        cursor.down = true;
        begin([cursor.x, cursor.y]);
        note.textContent ||= "The pen is down.";
      }
    } else if (event.key === "e") choose(!erases);
    else if (event.key === "u") undo();
    else if (event.key === "Delete") clear();
    else return;
    show();
    event.preventDefault();
  });
  canvas.addEventListener("blur", () => {
    cursor.shown = false;
    lift();
    show();
  });
  show();
}
