// End this process when its standard input ends: the other end is LocalStack's.
process.stdin.on("end", () => process.exit(1)).resume();
