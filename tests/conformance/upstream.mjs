// A real upstream for the conformance suite: Node's own HTTP server, with a route for each thing
// that an upstream may do. A second server, for the test alone, says what arrived and lets a
// request that waits go on.

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'

const require = createRequire(join(process.env.TIDINGS_TEST_TOOLS, 'node_modules', 'x.js'))
const send = require('send')

const TEXT = 'all that is told twice is told the same way. '.repeat(300)
const files = mkdtempSync(join(tmpdir(), 'tidings-conformance-'))
writeFileSync(join(files, 'text.txt'), TEXT)
utimesSync(join(files, 'text.txt'), 1_700_000_000, 1_700_000_000)
process.on('exit', () => rmSync(files, { recursive: true, force: true }))

// Counts what may be taken; whoever comes too early waits.
class Permits {
  #free = 0
  #waiting = []
  give() {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free += 1
  }
  async take() {
    if (this.#free > 0) this.#free -= 1
    else await new Promise((resolve) => this.#waiting.push(resolve))
  }
}
const go = new Permits()
const told = new Permits()

const arrived = []
const permits = new Permits()

// Notes a request that came whole. Its body is known by its hash.
function note(request, body) {
  arrived.push({
    start: `${request.method} ${request.url} HTTP/${request.httpVersion}`,
    fields: request.rawHeaders,
    body: `${body.length} bytes ${createHash('sha256').update(body).digest('hex')}`,
  })
  permits.give()
}

async function whole(request) {
  const pieces = []
  for await (const piece of request) pieces.push(piece)
  const body = Buffer.concat(pieces)
  note(request, body)
  return body
}

const CODINGS = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync }

// Bytes that do not repeat at the length of any buffer.
const PATTERN = Buffer.from(Array.from({ length: 251 * 256 }, (_, at) => at % 251))
function* pattern(length) {
  for (let left = length; left > 0; left -= PATTERN.length) yield PATTERN.subarray(0, left)
}

// Each is called with the request, the answer and what stands behind the route's name.
const routes = {
  async echo(request, response) {
    const body = await whole(request)
    response.setHeader('Content-Type', request.headers['content-type'] ?? 'text/plain')
    response.end(body)
  },
  async status(request, response, code) {
    await whole(request)
    response.statusCode = Number(code)
    if (code.startsWith('3') && code !== '304') response.setHeader('Location', '/echo?from=a%20b')
    response.setHeader('ETag', `"${code}"`)
    if (['204', '205', '304'].includes(code)) response.end()
    else response.end(`status ${code}\n`)
  },
  async text(request, response) {
    await whole(request)
    const coding = Object.keys(CODINGS).find((name) => request.headers['accept-encoding']?.includes(name))
    response.setHeader('Vary', 'Accept-Encoding')
    if (coding) response.setHeader('Content-Encoding', coding)
    const body = coding ? CODINGS[coding](TEXT) : Buffer.from(TEXT)
    response.setHeader('Content-Length', body.length)
    response.end(body)
  },
  async cookies(request, response) {
    await whole(request)
    response.setHeader('Set-Cookie', ['z=1; Path=/', 'a=2; HttpOnly', 'z=3; Path=/b', 'e=; Max-Age=0'])
    response.end('cookies')
  },
  async files(request, response, name) {
    await whole(request)
    send(request, name, { root: files, cacheControl: false }).pipe(response)
  },
  // An answer in two pieces, the second of which waits until the client has seen the first.
  async drip(request, response, length) {
    await whole(request)
    if (length) response.setHeader('Content-Length', length)
    response.write('first')
    await go.take()
    response.end('second')
  },
  async events(request, response) {
    await whole(request)
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    for (const event of ['id: 1\ndata: one\n\n', ': still here\n\n', 'event: end\ndata: {"a":1}\ndata: 2\n\n']) {
      response.write(event)
      await go.take()
    }
    response.end()
  },
  // Says that the first piece of the body came, before the last is sent.
  async upload(request, response) {
    const pieces = []
    for await (const piece of request) {
      if (pieces.length === 0) told.give()
      pieces.push(piece)
    }
    const body = Buffer.concat(pieces)
    note(request, body)
    response.end(`${body.length} bytes`)
  },
  async hash(request, response) {
    const hash = createHash('sha256')
    let length = 0
    for await (const piece of request) {
      hash.update(piece)
      length += piece.length
    }
    response.end(`${length} ${hash.digest('hex')}`)
  },
  async bytes(request, response, length) {
    await whole(request)
    if (!request.url.includes('chunked')) response.setHeader('Content-Length', length)
    Readable.from(pattern(Number(length))).pipe(response)
  },
  async hints(request, response) {
    await whole(request)
    response.writeProcessing()
    await new Promise((done) => response.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'] }, done))
    await go.take()
    response.end('hinted')
  },
  // Answers before the body came, and takes it all the same.
  async early(request, response) {
    response.setHeader('WWW-Authenticate', 'Basic realm="a"')
    response.statusCode = 401
    response.end('who are you?')
    await whole(request)
  },
  async cut(request, response, how) {
    await whole(request)
    if (how === 'length') response.setHeader('Content-Length', 100)
    response.write('first')
    await go.take()
    response.destroy()
  },
  async trailers(request, response) {
    await whole(request)
    response.writeHead(200, { Trailer: 'X-Sum' })
    response.write('summed')
    response.addTrailers({ 'X-Sum': '6' })
    response.end()
  },
}

function serve(request, response) {
  const [, route, rest] = request.url.split('?')[0].split('/')
  const serves = routes[route] ?? routes.echo
  serves(request, response, rest).catch(() => response.destroy())
}

const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, serve)
server.on('checkContinue', (request, response) => {
  if (request.url.startsWith('/continue')) {
    told.give()
    go.take().then(() => {
      response.writeContinue()
      serve(request, response)
    })
  } else if (request.url.startsWith('/refuse')) {
    const status = Number(request.url.split('/')[2])
    // What is refused does not come: nothing else can pass on this connection.
    response.writeHead(status, { Connection: 'close', 'Content-Length': 2 }).end('no')
    note(request, Buffer.from(''))
  } else {
    serve(request, response)
  }
})
server.on('checkExpectation', (request, response) => {
  note(request, Buffer.from(''))
  response.writeHead(417, { 'Content-Length': 0 }).end()
})

// WebSocket (RFC 6455): what is said is said back, a ping is answered, a close too.
server.on('upgrade', (request, socket, head) => {
  note(request, Buffer.from(''))
  if (!request.url.startsWith('/websocket')) {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
    return
  }
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\nSec-WebSocket-Protocol: chat\r\n\r\n`,
  )
  let held = head
  const frames = (piece) => {
    held = Buffer.concat([held, piece])
    for (let frame = parsed(held); frame; frame = parsed(held)) {
      held = held.subarray(frame.size)
      const opcode = frame.first & 0x0f
      const first = opcode === 9 ? 0x8a : frame.first
      const length = frame.data.length
      const header = length < 126 ? Buffer.from([first, length]) : Buffer.from([first, 126, length >> 8, length & 0xff])
      socket.write(Buffer.concat([header, frame.data]))
      if (opcode === 8) socket.end()
    }
  }
  socket.on('data', frames).on('error', () => {})
  frames(Buffer.alloc(0))
})

// The first frame of what a client sent, unmasked; nothing where it has not come whole.
function parsed(bytes) {
  if (bytes.length < 6) return undefined
  const short = bytes[1] & 0x7f
  const [at, length] = short === 126 ? [4, bytes.readUInt16BE(2)] : [2, short]
  if (bytes.length < at + 4 + length) return undefined
  const mask = bytes.subarray(at, at + 4)
  const data = Buffer.from(bytes.subarray(at + 4, at + 4 + length)).map((byte, i) => byte ^ mask[i % 4])
  return { first: bytes[0], data, size: at + 4 + length }
}

const control = createServer(async (request, response) => {
  const [, what, count] = request.url.split('/')
  if (what === 'go') go.give()
  if (what === 'told') await told.take()
  if (what === 'arrived') {
    for (let left = Number(count); left > 0; left -= 1) await permits.take()
    response.end(JSON.stringify(arrived.splice(0)))
  } else {
    response.end()
  }
})

server.listen(0, '127.0.0.1', () =>
  control.listen(0, '127.0.0.1', () =>
    console.log(JSON.stringify({ listen: server.address().port, control: control.address().port })),
  ),
)
