// A broadcast server on Node's `ws`. Run with NODE_PATH set to the folder that holds the module.
//
//   node ws_server.js --settings default|tuned
//
//   default   the loop of the manual: client.send(message) for every client
//   tuned     compression off, no UTF-8 check, the frame encoded once and its bytes written to every socket
'use strict';

const { Sender, WebSocket, WebSocketServer } = require('ws');

const tuned = process.argv[process.argv.indexOf('--settings') + 1] === 'tuned';
const settings = tuned ? { perMessageDeflate: false, skipUTF8Validation: true } : {};
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096, ...settings }, () =>
  console.log(JSON.stringify({ url: `ws://127.0.0.1:${server.address().port}/`, pid: process.pid })));

function broadcast(message) {
  for (const client of server.clients) {
    if (client.readyState === WebSocket.OPEN) client.send(message, { binary: false });
  }
}

function broadcastFrame(message) {
  const text = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };
  const frame = Buffer.concat(Sender.frame(message, text));
  for (const client of server.clients) {
    if (client.readyState === WebSocket.OPEN) client._socket.write(frame);
  }
}

server.on('connection', (client) => {
  client.on('message', tuned ? broadcastFrame : broadcast);
  client.on('error', () => {}); // the peer's fault: `ws` closes the client
});
process.on('SIGTERM', () => process.exit(0));
