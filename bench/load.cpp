// The load generator: one thread, preframed messages, a command a line on stdin, an answer in JSON a
// line on stdout. It knows nothing of what it measures. See README.md for the commands.
#include <arpa/inet.h>
#include <fcntl.h>

#include <cstring>
#include <sstream>

#include "conn.hpp"
#include "wire.hpp"

namespace {

enum Mode { REST, OPEN, ECHO, RATE, FAN, FANRATE, CHURN, FLOOD, PULL, IDLE };

int listener = -1;
sockaddr_in target{};
Mode mode = REST;
std::vector<Conn*> conns;
std::vector<uint32_t> latencies;
std::vector<uint64_t> fanSent;  // when each message of a fan-out was due
string message, block;         // one preframed message, and as many as are in flight
uint8_t opcode;
uint64_t size, inflight, deadline, startTime, counter, pending, wrong, pings, batch, wanted, interval,
    nextDue, turn, hearers;
bool running = false, sleeper = false, resumes = false;

/** Connections of one source address: with more, Linux looks long for a free port. */
constexpr size_t PORTS = 10'000;

void dial(int receiveBuffer) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail("socket: " + string(strerror(errno)));
  if (conns.size() >= PORTS) {
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(uint32_t(INADDR_LOOPBACK + conns.size() / PORTS));
    const int one = 1;  // the port is chosen when the target is known
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    bind(fd, reinterpret_cast<sockaddr*>(&source), sizeof source);
  }
  if (receiveBuffer) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
  if (connect(fd, reinterpret_cast<sockaddr*>(&target), sizeof target) < 0) {
    fail("connect: " + string(strerror(errno)));
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  Conn* c = adopt(fd, false);
  if (mode == OPEN) conns.push_back(c);
  write(c, wire::request(ntohs(target.sin_port), c->resumes = resumes));
}

void finish() {
  const uint64_t elapsed = now() - startTime;
  printf("{\"messages\":%lu,\"ns\":%lu,\"wrong\":%lu,\"pings\":%lu,\"connections\":%zu", counter,
         elapsed, wrong, pings, conns.size());
  if (!latencies.empty()) {
    std::sort(latencies.begin(), latencies.end());
    const auto at = [](double share) {
      return latencies[std::min(latencies.size() - 1, size_t(share * double(latencies.size())))];
    };
    printf(",\"p50\":%u,\"p90\":%u,\"p99\":%u,\"p999\":%u", at(.5), at(.9), at(.99), at(.999));
  }
  printf("}\n");
  fflush(stdout);
  latencies.clear();
  mode = REST, running = false;
}

void fan() {
  fanSent.push_back(now());
  write(conns[0], message);
}

void accepted() {
  printf("{\"accepted\":true}\n");
  fflush(stdout);
}

/** The handshake is done. */
void opened(Conn* c) {
  c->open = true;
  if (c->resumes && !c->server) write(c, wire::frame(wire::TEXT, wire::HELLO, true));
  if (mode == OPEN) {
    counter++;
    if (sleeper) {
      sleeper = false, c->asleep = true;
      epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, nullptr);
    }
    if (conns.size() < wanted) dial(0);
    else if (counter == wanted) finish();
  } else if (mode == CHURN) {
    write(c, wire::frame(wire::CLOSE, string("\x03\xe8", 2), true));
  }
}

void counted(Conn* c, uint64_t at) {
  switch (mode) {
    case ECHO:
      counter++;
      if (running) c->reply++;
      else pending--;
      break;
    case RATE:
      counter++, pending--;
      latencies.push_back(uint32_t(at - c->sent.front()));
      c->sent.pop_front();
      break;
    case FAN:
    case FANRATE:
      counter++;
      if (mode == FANRATE) latencies.push_back(uint32_t(at - fanSent[c->heard++]));
      if (++turn < hearers) break;
      turn = 0;
      if (mode == FAN && running) fan();
      else pending--;
      break;
    case FLOOD:
      counter += batch;
      if (running) write(c, block);
      else pending--;
      break;
    case PULL:
      counter++;
      if (++turn < batch) break;
      turn = 0;
      if (running) write(c, message);
      else pending--;
      break;
    default:
      wrong++;
  }
}

/** A message of the module's own has come. The first one of a client that can resume is its greeting. */
void toldOwn(Conn* c) {
  c->own = false;
  if (c->server && mode == REST) accepted();
}

/** Counts the frames in what was read; answers how many bytes it is done with. */
size_t parse(Conn* c, const uint8_t* data, size_t have) {
  const uint64_t at = mode == RATE || mode == FANRATE ? now() : 0;
  size_t done = 0;
  while (done < have && !c->gone) {
    if (c->skip > 0) {
      const size_t n = std::min<uint64_t>(c->skip, have - done);
      c->skip -= n, done += n;
      if (c->skip == 0) c->own ? toldOwn(c) : counted(c, at);
      continue;
    }
    wire::Head head;
    if (!wire::readHead(data + done, have - done, head)) break;
    if (head.opcode < 8) {
      if (c->resumes) {
        if (have - done == head.length) break;
        const uint8_t* first = data + done + head.length;
        c->own = (*first ^ (head.masked ? first[-4] : 0)) == '{';
      }
      const uint64_t longer = head.size - size;  // by a line with the message's place
      const bool fits = c->resumes ? longer > 0 && longer < 64 : longer == 0;
      if (mode != FLOOD && mode != PULL && !c->own && (!fits || head.opcode != opcode)) wrong++;
      done += head.length, c->skip = head.size;
      if (head.size == 0) counted(c, at);
      continue;
    }
    if (have - done < head.length + head.size) break;
    if (head.opcode == wire::PING) {
      pings++;
      string payload(reinterpret_cast<const char*>(data + done + head.length), head.size);
      if (head.masked) {
        for (size_t i = 0; i < head.size; i++) payload[i] ^= char(data[done + head.length - 4 + i % 4]);
      }
      write(c, wire::frame(wire::PONG, payload, !c->server));
    } else if (head.opcode == wire::CLOSE) {
      shutdown(c->fd, SHUT_WR);
    }
    done += head.length + head.size;
  }
  if (c->reply > 0 && !c->gone) {
    write(c, block.data(), c->reply * message.size());
    c->reply = 0;
  }
  return done;
}

void handshake(Conn* c) {
  const size_t end = c->in.find("\r\n\r\n");
  if (end == string::npos) return;
  const string head = c->in.substr(0, end + 4);
  c->in.erase(0, end + 4);
  if (c->server) {
    resumes = c->resumes = head.find("resume.netkit.1") != string::npos;
    write(c, wire::response(head, resumes));
    conns = {c};
    if (resumes) write(c, wire::frame(wire::TEXT, wire::HELLO, false));
    else accepted();
  } else if (head.compare(0, 12, "HTTP/1.1 101") != 0) {
    fail("refused: " + head.substr(0, head.find('\r')));
  }
  opened(c);
}

void readable(Conn* c) {
  static uint8_t buffer[512 * 1024];
  const size_t kept = c->in.size();
  memcpy(buffer, c->in.data(), kept);
  const ssize_t n = recv(c->fd, buffer + kept, sizeof buffer - kept, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    drop(c);
    if (mode == CHURN && c->open) {
      counter++;
      if (running) dial(0);
      else pending--;
    } else if (!c->server && mode != REST) {
      fail("the server closed a connection");
    }
    return;
  }
  const size_t have = kept + size_t(n);
  if (c->open) {
    const size_t done = parse(c, buffer, have);
    c->in.assign(reinterpret_cast<char*>(buffer) + done, have - done);
    return;
  }
  c->in.assign(reinterpret_cast<char*>(buffer), have);
  handshake(c);
  if (c->open && !c->in.empty() && !c->gone) {
    const string rest = c->in;
    c->in.erase(0, parse(c, reinterpret_cast<const uint8_t*>(rest.data()), rest.size()));
  }
}

/** Starts what a line asks for. */
void command(const string& line) {
  std::istringstream words(line);
  string name, kind;
  uint64_t ms = 0, perSecond = 1;
  words >> name;
  const auto prepare = [&](Mode next, bool masked) {
    opcode = kind == "text" ? wire::TEXT : wire::BINARY;
    block.clear();
    for (uint64_t i = 0; i < inflight; i++) {
      const string place = masked ? "" : std::to_string(1'000'000 + i) + ".0";
      message = wire::frame(opcode, (resumes ? place + "\n" : "") + string(size, 'x'), masked);
      block += message;
    }
    mode = next;
  };
  inflight = 1, counter = wrong = pings = pending = turn = 0;
  startTime = nextDue = now();
  if (name == "open" || name == "sleeper") {  // a sleeper is never read from
    sleeper = name == "sleeper", wanted = 1;
    if (!sleeper) words >> wanted >> kind, resumes = kind == "resuming";
    mode = OPEN, counter = conns.size(), wanted += counter;
    for (int i = 0; i < 32 && conns.size() < wanted; i++) dial(sleeper ? 4096 : 0);
    deadline = startTime + 100'000'000'000;
    return;
  }
  if (name == "echo") {
    words >> size >> kind >> inflight >> ms;
    prepare(ECHO, true);
    for (Conn* c : conns) pending += inflight, write(c, block);
  } else if (name == "rate") {
    words >> size >> kind >> perSecond >> ms;
    prepare(RATE, true);
  } else if (name == "fan" || name == "fanrate") {
    words >> size >> kind >> perSecond >> ms;
    prepare(name == "fan" ? FAN : FANRATE, true);
    hearers = conns.size();
    fanSent.clear();
    for (Conn* c : conns) c->heard = 0, hearers -= c->asleep;
    if (mode == FAN) pending = 1, fan();
  } else if (name == "churn") {
    words >> wanted >> ms;
    mode = CHURN;
    for (uint64_t i = 0; i < wanted; i++) pending++, dial(0);
  } else if (name == "flood") {
    words >> size >> kind >> batch >> ms;
    inflight = batch, prepare(FLOOD, false);
    for (int i = 0; i < 2; i++) pending++, write(conns[0], block);
  } else if (name == "pull") {
    words >> batch >> ms;
    size = 2, kind = "text", prepare(PULL, false);
    pending++, write(conns[0], message);
  } else if (name == "idle") {
    words >> ms;
    mode = IDLE;
  } else {
    fail("no such command: " + line);
  }
  interval = 1'000'000'000 / perSecond;
  deadline = startTime + ms * 1'000'000;
  running = true;
}

/** Sends what is due, whatever has come back: a server that is late is not waited for. */
void sendDue(uint64_t at) {
  for (; nextDue <= at; nextDue += interval, pending++) {
    Conn* c = conns[mode == RATE ? turn++ % conns.size() : 0];
    if (mode == RATE) c->sent.push_back(nextDue);
    else fanSent.push_back(nextDue);
    write(c, message);
  }
}

void tick() {
  const uint64_t at = now();
  if (running && (mode == RATE || mode == FANRATE)) sendDue(std::min(at, deadline));
  if (running && at >= deadline) running = false;
  if (mode == REST || running) return;
  if (mode == OPEN) {
    if (at > deadline) fail("connections did not open in time");
  } else if (pending == 0) {
    finish();
  } else if (at > deadline + 20'000'000'000) {
    fail("answers are missing");
  }
}

}  // namespace

int main(int count, char** arguments) {
  target.sin_family = AF_INET;
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (count > 1) {
    target.sin_port = htons(uint16_t(atoi(arguments[1])));
  } else {
    listener = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t length = sizeof target;
    bind(listener, reinterpret_cast<sockaddr*>(&target), length);
    listen(listener, 16);
    getsockname(listener, reinterpret_cast<sockaddr*>(&target), &length);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &listener}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    printf("{\"port\":%d}\n", ntohs(target.sin_port));
    fflush(stdout);
  }
  epoll_event stdinEvent{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &stdinEvent);
  string line;
  epoll_event events[512];
  for (;;) {
    const bool spin = mode != REST && mode != IDLE;  // a sleeper costs whoever wakes it
    const int n = epoll_wait(epoll, events, 512, spin ? 0 : mode == REST ? -1 : 5);
    for (int i = 0; i < n; i++) {
      if (events[i].data.ptr == nullptr) {
        char text[4096];
        const ssize_t got = read(0, text, sizeof text);
        if (got <= 0) return 0;
        line.append(text, size_t(got));
        for (size_t end; (end = line.find('\n')) != string::npos; line.erase(0, end + 1)) {
          command(line.substr(0, end));
        }
      } else if (events[i].data.ptr == &listener) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (fd >= 0) adopt(fd, true);
      } else {
        Conn* c = static_cast<Conn*>(events[i].data.ptr);
        if (!c->gone && events[i].events & EPOLLOUT) flush(c);
        if (!c->gone && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
      }
    }
    for (Conn* c : dead) {
      conns.erase(std::remove(conns.begin(), conns.end(), c), conns.end());
      delete c;
    }
    dead.clear();
    tick();
  }
}
