// The little of RFC 6455 that a floor needs: the answer to an opening handshake, the head of a client's frame, the head of
// a server's frame. Pure functions over bytes; no sockets, no allocation.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

static uint32_t rotate(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

/// SHA-1 (FIPS 180-4) of at most 119 bytes: two blocks, which is all that a handshake needs.
static void sha1(const char *message, size_t count, uint8_t digest[20]) {
    uint8_t bytes[128] = {0};
    size_t padded = count < 56 ? 64 : 128;
    memcpy(bytes, message, count);
    bytes[count] = 0x80;
    bytes[padded - 2] = (uint8_t)(count * 8 >> 8);
    bytes[padded - 1] = (uint8_t)(count * 8);
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    for (const uint8_t *block = bytes; block < bytes + padded; block += 64) {
        uint32_t words[80];
        for (int i = 0; i < 16; i++)
            words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
                       block[4 * i + 3];
        for (int i = 16; i < 80; i++) words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
        for (int i = 0; i < 80; i++) {
            uint32_t mix = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
                           : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                           : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                                    : (b ^ c ^ d) + 0xCA62C1D6;
            uint32_t next = rotate(a, 5) + mix + e + words[i];
            e = d, d = c, c = rotate(b, 30), b = a, a = next;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

/// Base64 with padding; `text` has room for 4 characters per 3 bytes and the final zero.
static void base64(const uint8_t *bytes, size_t count, char *text) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t word = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        *text++ = alphabet[word >> 18];
        *text++ = alphabet[word >> 12 & 63];
        *text++ = left > 1 ? alphabet[word >> 6 & 63] : '=';
        *text++ = left > 2 ? alphabet[word & 63] : '=';
    }
    *text = 0;
}

/// The 101 for the request head that `head` (zero-terminated) holds. Returns its bytes, or 0 if the head has no proper key.
static size_t handshake_answer(const char *head, char *answer, size_t answer_bytes_max) {
    static const char name[] = "\r\nSec-WebSocket-Key:", guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    enum { KEY_BYTES = 24 };
    const char *key = strcasestr(head, name);
    if (!key) return 0;
    key += sizeof name - 1;
    key += strspn(key, " \t");
    if (strcspn(key, " \t\r\n") != KEY_BYTES) return 0;
    char text[KEY_BYTES + sizeof guid], accept[29];
    memcpy(text, key, KEY_BYTES);
    memcpy(text + KEY_BYTES, guid, sizeof guid);
    uint8_t digest[20];
    sha1(text, sizeof text - 1, digest);
    base64(digest, sizeof digest, accept);
    return (size_t)snprintf(answer, answer_bytes_max,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: %s\r\n\r\n",
                            accept);
}

/// A client's frame: its first byte and where its mask and payload are, counted from its beginning.
typedef struct {
    uint8_t first;
    size_t mask_offset, payload_bytes;
} FrameHead;

/// What `read_frame` found.
typedef enum { FRAME_WHOLE, FRAME_PARTIAL, FRAME_REFUSED } FrameStatus;

/// Reads a masked frame's head from `count` bytes. Whole frames with at most `payload_bytes_max` are taken; fragments,
/// extensions and unmasked frames are refused.
static FrameStatus read_frame(const uint8_t *bytes, size_t count, size_t payload_bytes_max, FrameHead *head) {
    if (count < 2) return FRAME_PARTIAL;
    size_t length_bytes = (bytes[1] & 127) == 127 ? 8 : (bytes[1] & 127) == 126 ? 2 : 0;
    if ((bytes[0] & 0xF0) != 0x80 || !(bytes[1] & 0x80)) return FRAME_REFUSED;
    if (count < 2 + length_bytes) return FRAME_PARTIAL;
    uint64_t length = length_bytes ? 0 : bytes[1] & 127;
    for (size_t i = 0; i < length_bytes; i++) length = length << 8 | bytes[2 + i];
    if (length > payload_bytes_max) return FRAME_REFUSED;
    *head = (FrameHead){bytes[0], 2 + length_bytes, (size_t)length};
    return count < head->mask_offset + 4 + head->payload_bytes ? FRAME_PARTIAL : FRAME_WHOLE;
}

enum { SERVER_HEAD_BYTES_MAX = 10 };

/// Writes the head of an unmasked frame and returns its bytes.
static size_t write_frame_head(uint8_t *bytes, int opcode, size_t payload_bytes) {
    bytes[0] = (uint8_t)(0x80 | opcode);
    size_t length_bytes = payload_bytes < 126 ? 0 : payload_bytes < 65536 ? 2 : 8;
    bytes[1] = (uint8_t)(length_bytes == 0 ? payload_bytes : length_bytes == 2 ? 126 : 127);
    for (size_t i = 0; i < length_bytes; i++) bytes[2 + i] = (uint8_t)((uint64_t)payload_bytes >> (8 * (length_bytes - 1 - i)));
    return 2 + length_bytes;
}
