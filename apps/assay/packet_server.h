// The sockets of `assay audit listen`: connections taken in turns, packets handed on as they are whole.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "assay/audit_packet.h"
#include "base/descriptor.h"
#include "signals.h"

namespace assay::cli {

class PacketServer {
 public:
  /// Most connections at a time; others wait until one is closed.
  static constexpr std::size_t kMaxConnections = 16;

  struct Limits {
    std::chrono::milliseconds packet{10000};  ///< for a whole packet, or without one
    std::chrono::milliseconds idle{0};        ///< without anybody; 0: for ever
    std::uint64_t packets = 0;                ///< whole ones; 0: no limit
  };

  struct Handlers {
    std::function<Status(std::string_view)> say;  ///< a line of the log; an Error ends the server
    std::function<Status(const audit::Packet&)> packet;
    std::function<Status(const audit::BareHeader&)> bare;
    std::function<void()> refused;
  };

  /// Errors: kIo (the address is not there, or taken).
  [[nodiscard]] static Result<PacketServer> open(const std::string& host, std::uint16_t port);

  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Until somebody asks to stop, or a limit is met. Errors: kIo, and those of handlers.
  [[nodiscard]] Status serve(const StopRequest& stop, const Limits& limits, const Handlers& handlers);

 private:
  using Clock = std::chrono::steady_clock;

  struct Connection {
    Descriptor socket;
    audit::PacketReader reader;
    Clock::time_point deadline;
    bool announced = false;  // that there is a header
    bool closed = false;
  };

  PacketServer(Descriptor socket, std::string address, std::uint16_t port)
      : socket_(std::move(socket)), address_(std::move(address)), port_(port) {}

  Status accept_one();
  Status receive(Connection& connection);
  Status take(Connection& connection);
  Status close(Connection& connection, std::string_view error);
  Status close_late_ones();
  [[nodiscard]] bool enough() const { return limits_.packets > 0 && packets_ >= limits_.packets; }
  [[nodiscard]] int wait_ms() const;

  Descriptor socket_;
  std::string address_;
  std::uint16_t port_;
  Limits limits_;
  const Handlers* handlers_ = nullptr;
  std::list<Connection> connections_;
  std::uint64_t packets_ = 0;
  Clock::time_point busy_;  // when somebody was there
};

}  // namespace assay::cli
