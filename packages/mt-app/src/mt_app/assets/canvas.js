// Draws with a round brush and sends the picture: while one draws a few times a second, and at the
// end of every stroke.

const BRUSH = 20;
const PAUSE = 250;

export default function ({ parentElement, setStateValue }) {
  const canvas = parentElement.querySelector("canvas");
  const button = parentElement.querySelector("button");
  if (canvas.dataset.ready) return;
  canvas.dataset.ready = "yes";

  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let last = null;
  let sentAt = 0;

  const wipe = () => {
    pen.fillStyle = "black";
    pen.fillRect(0, 0, canvas.width, canvas.height);
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * canvas.width,
      y: ((event.clientY - box.top) / box.height) * canvas.height,
    };
  };
  const send = () => {
    sentAt = Date.now();
    setStateValue("image", canvas.toDataURL("image/png"));
  };
  const draw = (event) => {
    const next = place(event);
    pen.strokeStyle = "white";
    pen.lineWidth = BRUSH;
    pen.lineCap = "round";
    pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(last.x, last.y);
    pen.lineTo(next.x, next.y);
    pen.stroke();
    last = next;
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    draw(event);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === null) return;
    draw(event);
    if (Date.now() - sentAt > PAUSE) send();
  });
  const finish = () => {
    if (last === null) return;
    last = null;
    send();
  };
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", finish);
  button.addEventListener("click", () => {
    wipe();
    setStateValue("image", "");
  });
  wipe();
}
