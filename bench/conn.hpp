// The load generator's connections: sockets that never block, and what they could not write yet.
#pragma once
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <string>
#include <vector>

using std::string;

inline int epoll = epoll_create1(0);

inline uint64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000 + uint64_t(t.tv_nsec);
}

[[noreturn]] inline void fail(const string& why) {
  printf("{\"error\":\"%s\"}\n", why.c_str());
  fflush(stdout);
  exit(1);
}

struct Conn {
  int fd = -1;
  bool server = false;  // this side is the server
  bool open = false, gone = false, asleep = false;
  bool resumes = false;  // its messages begin with a line of the module's own
  bool own = false;      // what is being skipped is for the module, not for its user
  string in;             // the part of a head or a control frame that has come, or of a handshake
  uint64_t skip = 0;     // bytes of a payload that are still to come
  string out;            // what could not be written
  unsigned reply = 0;    // messages to send when all that was read is counted
  size_t heard = 0;      // of the messages of a fan-out
  std::deque<uint64_t> sent;
};

inline std::vector<Conn*> dead;  // to be deleted once nothing can speak of them

inline void drop(Conn* c) {
  if (c->gone) return;
  c->gone = true;
  close(c->fd);
  dead.push_back(c);
}

inline void write(Conn* c, const char* data, size_t length) {
  if (c->out.empty()) {
    const ssize_t n = send(c->fd, data, length, MSG_NOSIGNAL);
    if (n == ssize_t(length)) return;
    if (n < 0 && errno != EAGAIN) return drop(c);
    data += std::max<ssize_t>(n, 0), length -= size_t(std::max<ssize_t>(n, 0));
    epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.ptr = c}};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
  }
  c->out.append(data, length);
}

inline void write(Conn* c, const string& data) { write(c, data.data(), data.size()); }

inline void flush(Conn* c) {
  const string rest = std::move(c->out);
  c->out.clear();
  write(c, rest);
  if (!c->out.empty() || c->gone) return;
  epoll_event event{.events = EPOLLIN, .data = {.ptr = c}};
  epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

inline Conn* adopt(int fd, bool server) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  Conn* c = new Conn;
  c->fd = fd, c->server = server;
  epoll_event event{.events = EPOLLIN, .data = {.ptr = c}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  return c;
}
