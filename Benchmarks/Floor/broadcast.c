// The floor of a broadcast server: raw epoll, one thread, no log, no JSON. A text frame goes to everyone, its sender
// included, byte for byte.
//
//   broadcast [--port 0] [--send turn|message]
//
//   turn      all frames of one turn of the loop are encoded once, back to back, and each connection gets one send(2)
//   message   each connection gets a send(2) for each frame, as soon as it is read
//
// Prints one JSON line when it listens, and ends with 0 on SIGTERM or SIGINT. A connection that takes no more bytes keeps
// a copy of what it is owed, up to OWED_BYTES_MAX; beyond that it is closed.
#define _GNU_SOURCE
#include "websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PAYLOAD_BYTES_MAX = 1 << 20,
    INPUT_BYTES = PAYLOAD_BYTES_MAX + (256 << 10),
    OWED_BYTES_MAX = 64 << 20,
    EVENTS_MAX = 512,
    BACKLOG = 4096,
};

/// Bytes that grow.
typedef struct {
    uint8_t *bytes;
    size_t count, capacity;
} Buffer;

/// One socket. A member is one whose handshake is done; the members are a dense array, so that a broadcast is one walk.
typedef struct {
    int descriptor;
    bool is_doomed;
    size_t member_index;
    Buffer rest; // the beginning of a frame or of a handshake that has not all come yet
    Buffer owed; // what the kernel did not take; not empty: EPOLLOUT is armed
    size_t owed_sent;
} Connection;

enum { NO_MEMBER = SIZE_MAX };

static int loop;
static bool sends_each_message;
static Connection **members, **doomed;
static size_t member_count, member_capacity, doomed_count, doomed_capacity;
static Buffer run; // the frames of this turn, encoded once
static uint8_t input[INPUT_BYTES];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *grown(void *block, size_t bytes) {
    void *result = realloc(block, bytes);
    if (!result) fail("broadcast: memory");
    return result;
}

static uint8_t *reserve(Buffer *buffer, size_t count) {
    if (buffer->count + count > buffer->capacity) {
        buffer->capacity = 2 * (buffer->count + count);
        buffer->bytes = grown(buffer->bytes, buffer->capacity);
    }
    return buffer->bytes + buffer->count;
}

static void append(Buffer *buffer, const uint8_t *bytes, size_t count) {
    memcpy(reserve(buffer, count), bytes, count);
    buffer->count += count;
}

static void release(Buffer *buffer) {
    free(buffer->bytes);
    *buffer = (Buffer){0};
}

static void push(Connection ***list, size_t *count, size_t *capacity, Connection *connection) {
    if (*count == *capacity) *list = grown(*list, (*capacity = 2 * *capacity + 64) * sizeof **list);
    (*list)[(*count)++] = connection;
}

/// Connections are freed at the end of the turn: events of this turn may still name them, and a broadcast may be walking.
static void doom(Connection *connection) {
    if (connection->is_doomed) return;
    connection->is_doomed = true;
    push(&doomed, &doomed_count, &doomed_capacity, connection);
}

static void bury(void) {
    for (size_t i = 0; i < doomed_count; i++) {
        Connection *connection = doomed[i];
        if (connection->member_index != NO_MEMBER) {
            members[connection->member_index] = members[--member_count];
            members[connection->member_index]->member_index = connection->member_index;
        }
        close(connection->descriptor);
        release(&connection->rest);
        release(&connection->owed);
        free(connection);
    }
    doomed_count = 0;
}

static void watch(Connection *connection, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(loop, operation, connection->descriptor, &event) < 0) fail("broadcast: epoll_ctl");
}

/// Bytes that the kernel took; less than `count` when its buffer is full. A dead socket is doomed.
static size_t put(Connection *connection, const uint8_t *bytes, size_t count) {
    ssize_t taken = send(connection->descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken >= 0) return (size_t)taken;
    if (errno != EAGAIN) doom(connection);
    return 0;
}

static void deliver(Connection *connection, const uint8_t *bytes, size_t count) {
    if (connection->is_doomed) return;
    bool is_behind = connection->owed.count > 0;
    size_t taken = is_behind ? 0 : put(connection, bytes, count);
    if (taken == count || connection->is_doomed) return;
    if (connection->owed.count + count - taken > OWED_BYTES_MAX) return doom(connection);
    append(&connection->owed, bytes + taken, count - taken);
    if (!is_behind) watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void deliver_owed(Connection *connection) {
    Buffer *owed = &connection->owed;
    connection->owed_sent += put(connection, owed->bytes + connection->owed_sent, owed->count - connection->owed_sent);
    if (connection->is_doomed || connection->owed_sent < owed->count) return;
    release(owed);
    connection->owed_sent = 0;
    watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

static void broadcast(void) {
    for (size_t i = 0; i < member_count; i++) deliver(members[i], run.bytes, run.count);
    run.count = 0;
}

static void unmask(uint8_t *target, const uint8_t *payload, size_t count, const uint8_t mask[4]) {
    for (size_t i = 0; i < count; i++) target[i] = payload[i] ^ mask[i & 3];
}

/// Answers a ping or a close with its own payload.
static void answer(Connection *connection, int opcode, const uint8_t *payload, size_t count, const uint8_t mask[4]) {
    uint8_t frame[SERVER_HEAD_BYTES_MAX + 125];
    if (count > 125) return doom(connection);
    size_t head_bytes = write_frame_head(frame, opcode, count);
    unmask(frame + head_bytes, payload, count, mask);
    deliver(connection, frame, head_bytes + count);
}

static void take_frame(Connection *connection, const uint8_t *frame, FrameHead head) {
    const uint8_t *mask = frame + head.mask_offset, *payload = mask + 4;
    switch (head.first & 15) {
    case OP_TEXT: {
        uint8_t *target = reserve(&run, SERVER_HEAD_BYTES_MAX + head.payload_bytes);
        size_t head_bytes = write_frame_head(target, OP_TEXT, head.payload_bytes);
        unmask(target + head_bytes, payload, head.payload_bytes, mask);
        run.count += head_bytes + head.payload_bytes;
        if (sends_each_message) broadcast();
        return;
    }
    case OP_PING: return answer(connection, OP_PONG, payload, head.payload_bytes, mask);
    case OP_PONG: return;
    case OP_CLOSE: answer(connection, OP_CLOSE, payload, head.payload_bytes, mask); // fall through
    default: doom(connection);
    }
}

/// Bytes of the handshake's head once it is whole and answered; 0 before.
static size_t take_handshake(Connection *connection, uint8_t *bytes, size_t count) {
    uint8_t *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (!end) return 0;
    char text[256];
    end[2] = 0;
    size_t text_bytes = handshake_answer((char *)bytes, text, sizeof text);
    if (!text_bytes) return doom(connection), 0;
    deliver(connection, (uint8_t *)text, text_bytes);
    connection->member_index = member_count;
    push(&members, &member_count, &member_capacity, connection);
    return (size_t)(end + 4 - bytes);
}

/// Takes what is whole and returns its bytes; what follows is kept for the next read.
static size_t take(Connection *connection, uint8_t *bytes, size_t count) {
    size_t taken = connection->member_index == NO_MEMBER ? take_handshake(connection, bytes, count) : 0;
    if (connection->member_index == NO_MEMBER) return taken;
    while (!connection->is_doomed) {
        FrameHead head;
        switch (read_frame(bytes + taken, count - taken, PAYLOAD_BYTES_MAX, &head)) {
        case FRAME_PARTIAL: return taken;
        case FRAME_REFUSED: doom(connection); break;
        case FRAME_WHOLE:
            take_frame(connection, bytes + taken, head);
            taken += head.mask_offset + 4 + head.payload_bytes;
        }
    }
    return taken;
}

/// Reads once: a sender that never stops does not keep the others waiting, and epoll will name it again.
static void receive(Connection *connection) {
    Buffer *rest = &connection->rest;
    size_t kept = rest->count;
    if (kept) memcpy(input, rest->bytes, kept);
    ssize_t got = recv(connection->descriptor, input + kept, INPUT_BYTES - kept, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return doom(connection);
    size_t count = kept + (size_t)got, taken = take(connection, input, count);
    rest->count = 0;
    if (taken < count) append(rest, input + taken, count - taken);
    else release(rest);
    if (rest->count == INPUT_BYTES) doom(connection); // a head without an end
}

static void accept_all(int listener) {
    int descriptor;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        Connection *connection = grown(NULL, sizeof *connection);
        *connection = (Connection){.descriptor = descriptor, .member_index = NO_MEMBER};
        watch(connection, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static int listen_on(uint16_t port, uint16_t *bound) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, BACKLOG) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        fail("broadcast: listen");
    *bound = ntohs(address.sin_port);
    return listener;
}

/// SIGTERM and SIGINT as a descriptor.
static int stop_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int descriptor = signalfd(-1, &signals, SFD_CLOEXEC);
    if (descriptor < 0) fail("broadcast: signalfd");
    return descriptor;
}

static void allow_many_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) fail("broadcast: getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("broadcast: setrlimit");
}

int main(int argc, char **argv) {
    uint16_t port = 0;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--port")) port = (uint16_t)atoi(value);
        else if (!strcmp(argv[i], "--send") && !strcmp(value, "message")) sends_each_message = true;
        else if (strcmp(argv[i], "--send") || strcmp(value, "turn"))
            return fprintf(stderr, "usage: broadcast [--port 0] [--send turn|message]\n"), 64;
    }
    allow_many_descriptors();
    Connection listener = {.descriptor = listen_on(port, &port)}, stop = {.descriptor = stop_signals()};
    if ((loop = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("broadcast: epoll_create1");
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    watch(&stop, EPOLL_CTL_ADD, EPOLLIN);
    printf("{\"url\":\"ws://127.0.0.1:%d/\",\"pid\":%d}\n", port, getpid());
    fflush(stdout);

    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(loop, events, EVENTS_MAX, -1);
        if (count < 0 && errno != EINTR) fail("broadcast: epoll_wait");
        for (int i = 0; i < count; i++) {
            Connection *connection = events[i].data.ptr;
            if (connection == &stop) return 0;
            if (connection == &listener) {
                accept_all(listener.descriptor);
                continue;
            }
            if (events[i].events & EPOLLOUT && !connection->is_doomed) deliver_owed(connection);
            if (events[i].events & ~(uint32_t)EPOLLOUT && !connection->is_doomed) receive(connection);
        }
        if (run.count) broadcast();
        bury();
    }
}
