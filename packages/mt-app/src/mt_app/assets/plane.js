// Shows the map of a network, and adds points to it (their text: see lessons/layers.py).

const STEP = 0.02;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const digits = (share) =>
  String(Math.min(999, Math.max(0, Math.round(1000 * share)))).padStart(3, "0");

export default function ({ data, parentElement, setStateValue }) {
  const plane = parentElement.querySelector(".plane");
  const status = parentElement.querySelector("[role=status]");
  const tools = Object.fromEntries(
    [...parentElement.querySelectorAll("button")].map((button) => [button.dataset.tool, button]));
  const state = (plane.mtState ??= {
    points: data.points ? data.points.split(".") : [],
    label: "1",
    cursor: null,
  });
  plane.innerHTML = data.svg;
  const svg = plane.querySelector("svg");

  const showCursor = () => {
    svg.querySelector(".cursor")?.remove();
    if (state.cursor === null) return;
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    circle.setAttribute("class", "cursor");
    circle.setAttribute("cx", state.cursor[0] * data.side);
    circle.setAttribute("cy", (1 - state.cursor[1]) * data.side);
    circle.setAttribute("r", 7);
    circle.setAttribute("fill", "none");
    circle.setAttribute("stroke", "currentColor");
    svg.append(circle);
  };
  const send = () => setStateValue("points", state.points.join("."));
  const add = (x, y) => {
    if (state.points.length >= data.most) {
      status.textContent = `There are ${data.most} points. Undo one, or clear them.`;
      return;
    }
    state.points.push(digits(x) + digits(y) + state.label);
    status.textContent = `Point ${state.points.length} of class ${state.label}`;
    send();
  };
  const choose = (label) => {
    state.label = label;
    for (const name of ["0", "1"]) tools[name].ariaPressed = String(name === label);
  };
  const undo = () => {
    state.points.pop();
    status.textContent = "";
    send();
  };

  plane.onclick = (event) => {
    const at = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(svg.getScreenCTM().inverse());
    const [x, y] = [at.x / data.side, 1 - at.y / data.side];
    if (x >= 0 && x <= 1 && y >= 0 && y <= 1) add(x, y);
  };
  plane.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      const [x, y] = state.cursor ?? [0.5, 0.5];
      const inside = (share) => Math.min(0.999, Math.max(0, share));
      state.cursor = [
        inside(x + STEP * ARROWS[event.key][0]),
        inside(y + STEP * ARROWS[event.key][1]),
      ];
      showCursor();
    } else if (event.key === "Enter") add(...(state.cursor ?? [0.5, 0.5]));
    else if (event.key === "c") choose(state.label === "1" ? "0" : "1");
    else if (event.key === "u") undo();
    else return;
    event.preventDefault();
  };
  tools["1"].onclick = () => choose("1");
  tools["0"].onclick = () => choose("0");
  tools.undo.onclick = undo;
  tools.clear.onclick = () => {
    state.points.length = 0;
    status.textContent = "";
    send();
  };
  showCursor();
}
