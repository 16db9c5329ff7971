// A peer of VoxEngine's WebSocket protocol on the npm package ws, led by a test.
//
//   node peer.cjs serve [OPTIONS]        OPTIONS: JSON, see `settings`
//   node peer.cjs dial URL [OPTIONS]
//
// Commands come as JSON lines on the standard input (see `commands`); its end is ours.
// What happens is told as JSON lines on the standard output: ready, opened, refused,
// started, stopped, played, text, problem, closed, error.
"use strict";

const readline = require("node:readline");
const { WebSocket, WebSocketServer } = require("ws");
const { Receiver } = require("./receiver.cjs");
const { Sender } = require("./sender.cjs");

const connections = new Map();
const settings = {
  protocol: "chat", // dial: offered; serve: chosen if it is offered; null = none
  headers: {}, // dial
  echo: false, // every text message goes back
  play: [], // streams to send as soon as the connection is open
};

function tell(what, fields) {
  process.stdout.write(`${JSON.stringify({ what, ...fields })}\n`);
}

function welcome(socket, request) {
  const id = connections.size + 1;
  const receiver = new Receiver((what, fields) => {
    tell(what, { id, ...fields });
    if (what === "text" && settings.echo) socket.send(fields.text);
  });
  const connection = { socket, senders: new Set() };
  connections.set(id, connection);
  socket.on("message", (data, isBinary) => {
    if (isBinary) tell("problem", { id, tag: "", text: "a binary message" });
    else receiver.take(data.toString());
  });
  socket.on("close", (code, reason) => {
    for (const sender of connection.senders) sender.cancel();
    receiver.close();
    tell("closed", { id, code, reason: reason.toString() });
  });
  socket.on("error", (error) => tell("error", { id, text: error.message }));
  const opened = () => {
    tell("opened", {
      id,
      protocol: socket.protocol,
      path: request?.url ?? null,
      headers: request?.headers ?? null,
    });
    for (const stream of settings.play) commands.play(connection, id, stream);
  };
  if (socket.readyState === WebSocket.OPEN) opened();
  else socket.on("open", opened);
}

const commands = {
  play(connection, id, options) {
    const sender = new Sender(
      (text) => connection.socket.send(text),
      (fields) => {
        connection.senders.delete(sender);
        tell("played", { id, ...fields });
      },
      options,
    );
    connection.senders.add(sender);
    sender.start();
  },
  text(connection, id, { text }) {
    connection.socket.send(text);
  },
  binary(connection, id, { size }) {
    connection.socket.send(Buffer.alloc(size));
  },
  close(connection, id, { code = 1000, reason = "" }) {
    connection.socket.close(code, reason);
  },
  terminate(connection) {
    connection.socket.terminate();
  },
};

function serve() {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    handleProtocols: (offered) =>
      offered.has(settings.protocol) ? settings.protocol : false,
  });
  server.on("connection", welcome);
  server.on("listening", () => tell("ready", { port: server.address().port }));
}

function dial(url) {
  const offered = settings.protocol === null ? [] : [settings.protocol];
  const socket = new WebSocket(url, offered, { headers: settings.headers });
  socket.on("unexpected-response", (request, response) => {
    tell("refused", { status: response.statusCode });
    request.destroy();
  });
  welcome(socket);
}

const [mode, ...rest] = process.argv.slice(2);
const url = mode === "dial" ? rest.shift() : null;
Object.assign(settings, JSON.parse(rest[0] ?? "{}"));
readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { do: name, id = 1, ...options } = JSON.parse(line);
    commands[name](connections.get(id), id, options);
  })
  .on("close", () => process.exit(0));
if (mode === "serve") serve();
else dial(url);
