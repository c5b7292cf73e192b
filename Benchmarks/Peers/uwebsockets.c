// A broadcast server on uWebSockets: the C++ library that the PyPI package `socketify` ships, through the C functions that it
// exports, on libuv. The handler is C, so that no interpreter is in the way; `socketify_server.py` is the same in Python.
//
//   uwebsockets --settings default|tuned
//
// Declares just what it calls, as in socketify's native.py. Ends on SIGTERM by the signal's default.
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct App App;
typedef struct WebSocket WebSocket;
typedef struct ListenSocket ListenSocket;
typedef void (*Handler)(WebSocket *, void *);
typedef void (*MessageHandler)(WebSocket *, const char *message, size_t bytes, int opcode, void *);

typedef struct {
    const char *key_file, *certificate_file, *passphrase, *dh_parameters_file, *authorities_file, *ciphers;
    int prefer_low_memory;
} ContextOptions;

typedef struct {
    int port;
    const char *host;
    int options;
} ListenOptions;

typedef struct {
    int compression;
    unsigned max_payload_bytes;
    unsigned short idle_timeout_seconds;
    unsigned max_backpressure_bytes;
    bool close_on_backpressure, reset_idle_timeout_on_send, send_pings;
    unsigned short max_lifetime_minutes;
    void (*upgrade)(void);
    Handler open;
    MessageHandler message;
    Handler drain;
    void (*ping)(void), (*pong)(void), (*close)(void), (*subscription)(void);
} Behavior;

App *uws_create_app(int tls, ContextOptions);
void uws_ws(int tls, App *, const char *pattern, Behavior, void *user);
void uws_app_listen_with_config(int tls, App *, ListenOptions, void (*)(ListenSocket *, ListenOptions, void *), void *user);
void uws_app_run(int tls, App *);
bool uws_ws_subscribe(int tls, WebSocket *, const char *topic, size_t topic_bytes);
bool uws_publish(int tls, App *, const char *topic, size_t topic_bytes, const char *message, size_t bytes, int opcode,
                 bool compress);
int us_socket_local_port(int tls, ListenSocket *);

enum { PLAIN = 0 };
static const char topic[] = "all";

static void open_socket(WebSocket *socket, void *user) {
    (void)user;
    uws_ws_subscribe(PLAIN, socket, topic, sizeof topic - 1);
}

/// Publishes to everyone, the sender included. The library gathers what is published in one turn of its loop.
static void take_message(WebSocket *socket, const char *message, size_t bytes, int opcode, void *app) {
    (void)socket;
    uws_publish(PLAIN, app, topic, sizeof topic - 1, message, bytes, opcode, false);
}

static void listening(ListenSocket *socket, ListenOptions options, void *user) {
    (void)options, (void)user;
    if (!socket) return;
    printf("{\"url\":\"ws://127.0.0.1:%d/\",\"pid\":%d}\n", us_socket_local_port(PLAIN, socket), getpid());
    fflush(stdout);
}

int main(int argc, char **argv) {
    Behavior behavior = { // the library's own defaults
        .max_payload_bytes = 16 << 10,
        .idle_timeout_seconds = 120,
        .max_backpressure_bytes = 64 << 10,
        .send_pings = true,
        .open = open_socket,
        .message = take_message,
    };
    if (argc == 3 && !strcmp(argv[2], "tuned")) {
        behavior.max_payload_bytes = 1 << 20;
        behavior.idle_timeout_seconds = 0;
        behavior.max_backpressure_bytes = 64 << 20;
        behavior.send_pings = false;
    }
    App *app = uws_create_app(PLAIN, (ContextOptions){0});
    uws_ws(PLAIN, app, "/*", behavior, app);
    uws_app_listen_with_config(PLAIN, app, (ListenOptions){.host = "127.0.0.1"}, listening, NULL);
    uws_app_run(PLAIN, app);
    return fprintf(stderr, "uwebsockets: cannot listen\n"), 1;
}
