// The least of RFC 6455 that the load generator needs: frames, and the two ends of a handshake.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace wire {

enum Opcode : uint8_t { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

constexpr uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

/** A frame, masked where a client sends it. */
inline std::string frame(uint8_t opcode, std::string_view payload, bool masked) {
  std::string out(1, char(0x80 | opcode));
  const uint64_t size = payload.size();
  const uint8_t bit = masked ? 0x80 : 0;
  const int bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  out += char(bit | (bytes == 0 ? size : bytes == 2 ? 126 : 127));
  for (int i = bytes - 1; i >= 0; i--) out += char(size >> (8 * i));
  if (masked) out.append(reinterpret_cast<const char*>(MASK), 4);
  const size_t start = out.size();
  out += payload;
  if (masked) {
    for (size_t i = 0; i < size; i++) out[start + i] ^= char(MASK[i % 4]);
  }
  return out;
}

/** The beginning of a frame. */
struct Head {
  uint8_t opcode;
  bool masked;
  uint64_t size;    // of the payload
  unsigned length;  // of the head itself
};

/** Reads a head; false where more bytes are needed. */
inline bool readHead(const uint8_t* at, size_t have, Head& head) {
  if (have < 2) return false;
  head.opcode = at[0] & 15;
  head.masked = at[1] & 0x80;
  head.size = at[1] & 127;
  head.length = 2;
  const unsigned more = head.size == 126 ? 2 : head.size == 127 ? 8 : 0;
  if (have < 2 + more) return false;
  if (more > 0) {
    head.size = 0;
    for (unsigned i = 0; i < more; i++) head.size = head.size << 8 | at[2 + i];
    head.length += more;
  }
  if (head.masked) head.length += 4;
  return have >= head.length;
}

inline std::string base64(const uint8_t* data, size_t size) {
  static const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < size; i += 3) {
    const uint32_t n = data[i] << 16 | (i + 1 < size ? data[i + 1] << 8 : 0) |
                       (i + 2 < size ? data[i + 2] : 0);
    out += digits[n >> 18];
    out += digits[n >> 12 & 63];
    out += i + 1 < size ? digits[n >> 6 & 63] : '=';
    out += i + 2 < size ? digits[n & 63] : '=';
  }
  return out;
}

/** SHA-1 of a short text (RFC 3174). */
inline void sha1(std::string text, uint8_t digest[20]) {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const uint64_t bits = text.size() * 8;
  text += char(0x80);
  while (text.size() % 64 != 56) text += '\0';
  for (int i = 7; i >= 0; i--) text += char(bits >> (8 * i));
  const auto rotate = [](uint32_t x, int n) { return x << n | x >> (32 - n); };
  for (size_t block = 0; block < text.size(); block += 64) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++) {
      w[i] = 0;
      for (int j = 0; j < 4; j++) w[i] = w[i] << 8 | uint8_t(text[block + i * 4 + j]);
    }
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
      const uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                         : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                         : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                  : (b ^ c ^ d) + 0xca62c1d6;
      const uint32_t next = rotate(a, 5) + f + e + w[i];
      e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  for (int i = 0; i < 20; i++) digest[i] = uint8_t(h[i / 4] >> (24 - 8 * (i % 4)));
}

/** What a client and a server that can resume agree upon, and each says first. */
inline const std::string RESUME = "Sec-WebSocket-Protocol: resume.netkit.1\r\n";
inline const std::string HELLO = "{\"resume\":1,\"epoch\":\"e\"}\n";

inline std::string request(int port, bool resumes) {
  return "GET / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
         "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
         (resumes ? RESUME : "") + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
}

/** The answer to a client's request. */
inline std::string response(const std::string& request, bool resumes) {
  std::string lower = request;
  for (char& c : lower) c = char(tolower(c));
  const std::string name = "sec-websocket-key:";
  const size_t at = lower.find(name) + name.size();
  const size_t start = request.find_first_not_of(' ', at);
  const std::string key = request.substr(start, request.find("\r\n", start) - start);
  uint8_t digest[20];
  sha1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", digest);
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " + base64(digest, 20) + "\r\n" + (resumes ? RESUME : "") + "\r\n";
}

}  // namespace wire
