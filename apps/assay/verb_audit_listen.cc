// `assay audit listen`: takes the packets of sample mode and checks their entries.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "assay/audit_packet.h"
#include "base/try.h"
#include "base/verdict_json.h"
#include "packet_server.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

// Of so many packets the JSON report says each; the counts are of all.
constexpr std::size_t kMaxListed = 65536;

struct ListenOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 11234;
  std::vector<std::string> weights;
  bool worst_case = false;
  double timeout = 10;
  double idle = 0;
  std::uint64_t packets = 0;
};

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

Json row_of(const audit::PacketHeader& header, const Verdict& verdict) {
  Json row;
  row["session"] = to_hex(header.session);
  row["sequence"] = header.sequence;
  row["product"] = header.product;
  row["call"] = to_string(header.call);
  row["dtype"] = short_name(header.dtype);
  row["shape"] = {header.m, header.k, header.n};
  row["sampled"] = {header.rows.size(), header.columns.size()};
  row["verdict"] = json_of(verdict);
  return row;
}

/// "rejected at product: ..", "accepted: 160 entries of B, ..", "not checkable: ..".
std::string line_of(const Verdict& verdict) {
  if (verdict.outcome() == Outcome::kRejected)
    return fmt::format("rejected at {}: {}", verdict.step(), verdict.reason());
  if (!verdict.ok()) return verdict.reason();
  const auto text = [&verdict](std::string_view name) { return verdict.figure(name)->to_string(); };
  const std::string of =
      verdict.figure("weight") == nullptr ? "columns that the packet brought" : text("weight");
  return fmt::format("accepted: {} entries against {}, largest difference {}", text("entries"), of,
                     text("largest difference"));
}

class Log {
 public:
  Log(const Console& console, audit::SampleLedger& ledger) : console_(console), ledger_(ledger) {}

  /// Standard output is for the one JSON object where that is asked for.
  [[nodiscard]] Status say(std::string_view text) const {
    const std::string line = fmt::format("[server] {}", text);
    if (!console_.json()) return write_stdout(printable(line) + "\n");
    if (!console_.quiet()) write_stderr_line(line);
    return {};
  }
  [[nodiscard]] Status take(const audit::Packet& packet) {
    const Verdict verdict = ledger_.take(packet);
    if (console_.json() && rows_.size() < kMaxListed) rows_.push_back(row_of(packet.header, verdict));
    return say(line_of(verdict));
  }
  [[nodiscard]] Status take(const audit::BareHeader& bare) {
    const Verdict verdict = ledger_.take(bare);
    if (console_.json() && rows_.size() < kMaxListed)
      rows_.push_back({{"sampled", {bare.rows, bare.columns}}, {"verdict", json_of(verdict)}});
    return say(line_of(verdict));
  }
  [[nodiscard]] const std::vector<Json>& rows() const { return rows_; }

 private:
  const Console& console_;
  audit::SampleLedger& ledger_;
  std::vector<Json> rows_;
};

Result<int> run_listen(const ListenOptions& options, const Console& console) {
  const std::vector<std::filesystem::path> paths(options.weights.begin(), options.weights.end());
  audit::KnownWeights known = ASSAY_TRY(audit::KnownWeights::open(paths));
  if (known.size() > 0)
    console.note(
        fmt::format("{} weights and biases, {} bytes", grouped(known.size()), grouped(known.bytes())));
  audit::SampleLedger ledger(std::move(known), options.worst_case ? audit::RoundingBound::kWorstCase
                                                                  : audit::RoundingBound::kProbabilistic);
  Log log(console, ledger);
  const StopRequest stop;
  PacketServer server = ASSAY_TRY(PacketServer::open(options.host, options.port));
  const PacketServer::Limits limits{milliseconds(options.timeout), milliseconds(options.idle),
                                    options.packets};
  ASSAY_TRY(server.serve(
      stop, limits,
      {[&log](std::string_view text) { return log.say(text); },
       [&log](const audit::Packet& packet) { return log.take(packet); },
       [&log](const audit::BareHeader& bare) { return log.take(bare); }, [&ledger] { ledger.refuse(); }}));
  const Verdict verdict = ledger.summary();
  const std::vector<Json>& rows = log.rows();
  return console.report(json_of(verdict), Lines(verdict),
                        Rows{"packets", rows.size(), [&rows](std::size_t i) { return rows[i]; }, {}}, {},
                        exit_code(verdict.outcome()));
}

}  // namespace

void add_audit_listen(Program& program) {
  const auto [verb, listen] = program.add(
      "audit listen", "Take sampled entries of matrix products over TCP, and check them against your weights",
      "assay audit listen --weights SmolLM2-135M --json", run_listen);
  verb->footer(
      verb->get_footer() +
      "\nCtrl-C ends it with the verdict on all that came. Whoever sends is neither asked for a name\n"
      "nor hidden from others: listen where nobody else can send, or through a tunnel.");
  add_option(verb, "--host ADDRESS", listen.host, "where to listen")->capture_default_str();
  add_option(verb, "--port N", listen.port, "0: one that is free")->capture_default_str();
  add_option(verb, "--weights PATH", listen.weights,
             "weights and biases to check against: a file (safetensors, .npy, .pt) or a model's folder;\n"
             "may be given several times");
  verb->add_flag("--worst-case", listen.worst_case,
                 "reject only what no order of additions can give, whatever the rounding errors");
  add_option(verb, "--timeout SECONDS", listen.timeout, "for a packet, from its first byte to its last")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 86400.0));
  add_option(verb, "--idle SECONDS", listen.idle, "end after so long without a connection; 0: never")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86400.0));
  add_option(verb, "--packets N", listen.packets, "end after so many packets; 0: never")
      ->capture_default_str();
}

}  // namespace assay::cli
