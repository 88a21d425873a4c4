const line = document.querySelector("#line");
const calls = document.querySelector("#calls");
const socket = new WebSocket(`ws://${location.host}/ws/room/`);
socket.onopen = () => {
  line.textContent = "open";
};
socket.onclose = ({ code }) => {
  line.textContent = `closed (${code})`;
};
socket.onmessage = ({ data }) => {
  const item = document.createElement("li");
  item.textContent = JSON.parse(data).text;
  calls.append(item);
};
document.querySelector("#say").onsubmit = (event) => {
  event.preventDefault();
  socket.send(JSON.stringify({ text: event.target.text.value }));
};
new EventSource("/events/").onmessage = ({ data }) => {
  document.querySelector("#count").textContent = data;
};
