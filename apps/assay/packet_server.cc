#include "packet_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "base/try.h"

namespace assay::cli {
namespace {

// Pieces that one connection may give before the others have their turn.
constexpr int kPiecesInTurn = 16;
constexpr int kBacklog = 128;
constexpr std::chrono::seconds kLastTurn{2};

/// Host and port of an address as numbers; the notebook's way to write them: ('127.0.0.1', 58712).
struct Numbers {
  std::string host;
  std::string port;
};

Numbers numbers_of(const sockaddr_storage& address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const auto* general = reinterpret_cast<const sockaddr*>(&address);
  if (::getnameinfo(general, size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {"?", "0"};
  return {host.data(), port.data()};
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Result<PacketServer> PacketServer::open(const std::string& host, std::uint16_t port) {
  const std::string place = fmt::format("{}:{}", host, port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
      failed != 0)
    return Error{ErrorCode::kIo, place, fmt::format("no such address: {}", ::gai_strerror(failed))};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> freed(list, ::freeaddrinfo);
  Descriptor socket(::socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, list->ai_protocol));
  const int on = 1;
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (socket.get() < 0 || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(socket.get(), list->ai_addr, list->ai_addrlen) != 0 || ::listen(socket.get(), kBacklog) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return Error{ErrorCode::kIo, place, fmt::format("cannot listen: {}", std::strerror(errno))};
  const Numbers numbers = numbers_of(bound, size);
  return PacketServer(std::move(socket), numbers.host, static_cast<std::uint16_t>(std::stoul(numbers.port)));
}

Status PacketServer::serve(const StopRequest& stop, const Limits& limits, const Handlers& handlers) {
  limits_ = limits;
  handlers_ = &handlers;
  busy_ = Clock::now();
  ASSAY_TRY(handlers_->say(fmt::format("listening on {} {}", address_, port_)));
  std::optional<Clock::time_point> last;  // once somebody asked to stop
  while (!enough()) {
    const bool room = connections_.size() < kMaxConnections;
    std::vector<pollfd> waiting{{last ? -1 : stop.descriptor(), POLLIN, 0},
                                {room ? socket_.get() : -1, POLLIN, 0}};
    for (const Connection& one : connections_) waiting.push_back({one.socket.get(), POLLIN, 0});
    const int ready = ::poll(waiting.data(), waiting.size(), last ? 0 : wait_ms());
    if (ready < 0 && errno != EINTR)
      return Error{ErrorCode::kIo, address_, fmt::format("cannot wait: {}", std::strerror(errno))};
    // What has come already still counts; who goes on sending is not waited for.
    if (ready > 0 && waiting[0].revents != 0) last = Clock::now() + kLastTurn;
    if (last && (ready <= 0 || Clock::now() >= *last)) break;
    if (!connections_.empty()) busy_ = Clock::now();
    if (limits_.idle.count() > 0 && Clock::now() - busy_ >= limits_.idle) break;
    std::size_t i = 2;
    for (Connection& one : connections_) {
      if (ready > 0 && waiting[i].revents != 0 && !enough()) ASSAY_TRY(receive(one));
      ++i;
    }
    ASSAY_TRY(close_late_ones());
    connections_.remove_if([](const Connection& one) { return one.closed; });
    if (ready > 0 && waiting[1].revents != 0) ASSAY_TRY(accept_one());
  }
  connections_.clear();
  return {};
}

int PacketServer::wait_ms() const {
  // A signal that comes just before the call would be missed where there is no descriptor for it.
  auto until = Clock::now() + std::chrono::hours(1);
  for (const Connection& one : connections_) until = std::min(until, one.deadline);
  if (connections_.empty() && limits_.idle.count() > 0) until = std::min(until, busy_ + limits_.idle);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::max<decltype(left)>(left, 0));
}

Status PacketServer::accept_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  Descriptor socket(
      ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  // It may have gone away in the meantime, or the system has no room for it: it is told so by the system.
  if (socket.get() < 0) return {};
  const Numbers numbers = numbers_of(peer, size);
  connections_.push_back({std::move(socket),
                          audit::PacketReader(fmt::format("packet from {}:{}", numbers.host, numbers.port)),
                          Clock::now() + limits_.packet});
  return handlers_->say(fmt::format("connection from ('{}', {})", numbers.host, numbers.port));
}

Status PacketServer::receive(Connection& connection) {
  for (int piece = 0; piece < kPiecesInTurn && !connection.closed && !enough(); ++piece) {
    const std::span<std::uint8_t> space = connection.reader.space();
    const ssize_t count = ::recv(connection.socket.get(), space.data(), space.size(), 0);
    if (count < 0 && would_block()) return {};
    if (count < 0) return close(connection, std::strerror(errno));
    if (count == 0) return close(connection, connection.reader.begun() ? "connection closed early" : "");
    // Whoever keeps a connection open between packets has as long for each as one that has just come.
    if (!connection.reader.begun()) connection.deadline = Clock::now() + limits_.packet;
    if (const Status filled = connection.reader.filled(static_cast<std::size_t>(count)); !filled.ok())
      return close(connection, filled.error().to_string());
    ASSAY_TRY(take(connection));
  }
  return {};
}

Status PacketServer::take(Connection& connection) {
  audit::PacketReader& reader = connection.reader;
  const auto& bare = reader.bare();
  const auto& packet = reader.packet();
  if (reader.has_header() && !connection.announced) {
    connection.announced = true;
    const auto [rows, columns, k] =
        bare ? std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>(bare->rows, bare->columns, bare->k)
             : std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>(
                   packet->header.rows.size(), packet->header.columns.size(), packet->header.k);
    ASSAY_TRY(handlers_->say(fmt::format("header → rows={}, cols={}, k_dim={}", rows, columns, k)));
  }
  if (!reader.whole()) return {};
  ASSAY_TRY(handlers_->say(fmt::format("received payload: {} bytes", reader.payload_bytes())));
  ++packets_;
  if (bare) {
    ASSAY_TRY(handlers_->bare(*bare));
  } else {
    ASSAY_TRY(handlers_->packet(*packet));
  }
  reader.next();
  connection.announced = false;
  connection.deadline = Clock::now() + limits_.packet;
  return {};
}

Status PacketServer::close(Connection& connection, std::string_view error) {
  connection.closed = true;
  if (!error.empty()) {
    handlers_->refused();
    ASSAY_TRY(handlers_->say(fmt::format("error during handling: {}", error)));
  }
  return handlers_->say("closed connection");
}

Status PacketServer::close_late_ones() {
  const Clock::time_point now = Clock::now();
  for (Connection& one : connections_) {
    if (one.closed || now < one.deadline) continue;
    ASSAY_TRY(close(one, one.reader.begun() ? "timed out within a packet" : ""));
  }
  return {};
}

}  // namespace assay::cli
