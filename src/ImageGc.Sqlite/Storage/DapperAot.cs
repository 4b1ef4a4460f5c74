// Dapper's code is generated at compile time, so the library starts fast and can be trimmed and compiled ahead of time
// (https://aot.dapperlib.dev).
[module: Dapper.DapperAot]
