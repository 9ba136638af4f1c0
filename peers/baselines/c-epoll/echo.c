/* The limit of the benches: every byte that comes goes back, without any framing, on one thread with
 * epoll. Nothing that reads whole messages before it answers can do less.
 *
 * echo PORT   listens on 127.0.0.1:PORT (0: the system chooses), says so on stdout, ends by SIGTERM. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* Bytes. More than this at a time brought nothing, less costs calls. */
    READ_BUFFER = 256 * 1024,
    /* Bytes that one connection is served before the others have their turn. */
    TURN = 512 * 1024,
    EVENTS = 1024,
};

/* A connection, with what its socket refused to take. */
struct connection {
    int fd;
    char *unsent;
    size_t from, to;
};

static char buffer[READ_BUFFER];
static int poller;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(struct connection *connection, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller, operation, connection->fd, &event) < 0)
        fail("epoll_ctl");
}

static void end(struct connection *connection) {
    close(connection->fd);
    free(connection->unsent);
    free(connection);
}

static int refused(void) {
    return errno == EAGAIN || errno == EINTR;
}

/* Writes what was refused before. 0: the connection ended. */
static int flush(struct connection *connection) {
    ssize_t sent = write(connection->fd, connection->unsent + connection->from,
                         connection->to - connection->from);
    if (sent < 0)
        return refused();
    connection->from += (size_t)sent;
    if (connection->from == connection->to) {
        free(connection->unsent);
        connection->unsent = NULL;
        watch(connection, EPOLL_CTL_MOD, EPOLLIN);
    }
    return 1;
}

/* Sends back what has come, until there is no more, or the turn is over, or the client does not read.
 * 0: the connection ended. */
static int serve(struct connection *connection) {
    for (size_t served = 0; served < TURN;) {
        ssize_t got = read(connection->fd, buffer, sizeof buffer);
        if (got == 0)
            return 0;
        if (got < 0)
            return refused();
        ssize_t sent = write(connection->fd, buffer, (size_t)got);
        if (sent < 0 && !refused())
            return 0;
        if (sent < 0)
            sent = 0;
        if (sent < got) {
            connection->from = 0;
            connection->to = (size_t)(got - sent);
            connection->unsent = malloc(connection->to);
            if (!connection->unsent)
                fail("malloc");
            memcpy(connection->unsent, buffer + sent, connection->to);
            watch(connection, EPOLL_CTL_MOD, EPOLLOUT);
            return 1;
        }
        /* A short read has emptied the socket: the call that would find it so is saved. */
        if ((size_t)got < sizeof buffer)
            return 1;
        served += (size_t)got;
    }
    return 1;
}

static void take(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        fail("calloc");
    connection->fd = fd;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

int main(int arguments, char **argument) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(arguments > 1 ? (uint16_t)atoi(argument[1]) : 0)};
    socklen_t length = sizeof address;
    /* A client that went away is one connection's end, not the server's. */
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listener < 0)
        fail("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0)
        fail("cannot listen");
    if (getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        fail("getsockname");
    if ((poller = epoll_create1(0)) < 0)
        fail("epoll_create1");
    struct epoll_event accepting = {.events = EPOLLIN};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &accepting) < 0)
        fail("epoll_ctl");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        static struct epoll_event events[EVENTS];
        int ready = epoll_wait(poller, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int each = 0; each < ready; each++) {
            struct connection *connection = events[each].data.ptr;
            if (!connection)
                take(listener);
            else if (!(connection->unsent ? flush(connection) : serve(connection)))
                end(connection);
        }
    }
}
