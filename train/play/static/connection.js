// The connection to the server, which comes back by itself when it is lost.

const LONGEST_WAIT = 5000;

export class Connection {
  // onMessage gets every message, onState "connected", "reconnecting" or "refused".
  constructor(onMessage, onState) {
    this.onMessage = onMessage;
    this.onState = onState;
    this.session = null;
    this.have = () => 0;
    this.wait = 250;
    this.opened = false;
    this.connect();
  }

  connect() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(
      `${scheme}://${location.host}/session?token=${encodeURIComponent(token)}`);
    this.socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "hello") {
        this.opened = true;
        this.wait = 250;
        this.onState("connected");
        if (this.session) this.send({ type: "rejoin", session: this.session, have: this.have() });
      }
      this.onMessage(message);
    };
    this.socket.onclose = () => {
      this.onState(this.opened ? "reconnecting" : "refused");
      setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
    };
  }

  // Returns whether the message went out; one that did not is not sent later.
  send(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
