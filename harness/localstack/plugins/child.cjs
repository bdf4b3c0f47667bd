// Loaded into node before kinesis-local, which has no setting for either of two things.
const net = require("net");

// Listen on the loopback interface alone, not on all.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  const options = typeof first === "object" ? first : { port: first };
  const then = rest.filter((argument) => typeof argument === "function");
  return listen.call(this, { ...options, host: "127.0.0.1" }, ...then);
};

// End when standard input does: its other end is LocalStack's.
process.stdin.on("end", () => process.exit(1)).resume();
