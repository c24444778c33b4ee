#include <fmt/format.h>

#include <algorithm>

#include "assay/audit_packet.h"
#include "base/check.h"

namespace assay::audit {
namespace {

std::string name_of(const PacketHeader& header) {
  return fmt::format("packet {} of session {}", header.sequence, to_hex(header.session));
}

std::uint64_t entries_of(const Verdict& verdict) {
  const Figure* figure = verdict.figure("entries");
  ASSAY_CHECK(figure != nullptr, verdict.step());
  return std::get<std::uint64_t>(figure->value);
}

double share_of(const Verdict& verdict) {
  const Figure* figure = verdict.figure("largest share of the bound");
  ASSAY_CHECK(figure != nullptr, verdict.step());
  return std::get<double>(figure->value);
}

/// Numbers that a sender chose are added up: a sum may have no room.
std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) { return a + b < a ? UINT64_MAX : a + b; }

}  // namespace

Verdict SampleLedger::follow(const PacketHeader& header) {
  if (!sessions_.contains(header.session) && sessions_.size() >= kMaxSessions)
    return Verdict::inconclusive("memory", fmt::format("over {} sessions are not followed", kMaxSessions));
  Session& session = sessions_[header.session];
  auto& ranges = session.ranges;
  const std::uint64_t number = header.sequence;
  auto after = ranges.upper_bound(number);  // the first range that begins behind it
  const auto before = after == ranges.begin() ? ranges.end() : std::prev(after);
  if (before != ranges.end() && number <= before->second)
    return Verdict::rejected("sequence", name_of(header) + " came before: sent again, or made from another");
  const bool joins_before = before != ranges.end() && before->second + 1 == number;
  const bool joins_after = after != ranges.end() && number + 1 == after->first;
  if (!joins_before && !joins_after && ranges.size() >= kMaxGaps)
    return Verdict::inconclusive("memory", fmt::format("over {} gaps are not followed", kMaxGaps));
  const std::uint64_t last = joins_after ? after->second : number;
  if (joins_after) ranges.erase(after);
  if (joins_before)
    before->second = last;
  else
    ranges[number] = last;
  session.dropped = std::max(session.dropped, header.dropped);
  return Verdict::accepted();
}

Verdict SampleLedger::count(Verdict verdict) {
  ++packets_;
  if (verdict.outcome() == Outcome::kInconclusive) ++unknown_;
  if (verdict.outcome() == Outcome::kRejected) {
    ++rejected_;
    if (!first_rejected_) first_rejected_ = verdict;
  }
  return verdict;
}

Verdict SampleLedger::take(const Packet& packet) {
  Verdict followed = follow(packet.header);
  if (!followed.ok()) return count(std::move(followed));
  Verdict verdict = check_packet(packet, known_, bound_);
  if (verdict.ok()) {
    (packet.header.weight ? recomputed_ : carried_) += entries_of(verdict);
    largest_share_ = std::max(largest_share_, share_of(verdict));
  }
  return count(std::move(verdict));
}

Verdict SampleLedger::take(const BareHeader&) {
  ++bare_;
  return count(Verdict::inconclusive(
      "bare header", "not checkable: it has no indices, and names no weight, dtype or product"));
}

Verdict SampleLedger::summary() const {
  const auto outcome = [this]() -> Verdict {
    if (first_rejected_)
      return Verdict::rejected(
          first_rejected_->step(),
          fmt::format("{} of {} packets, the first: {}", rejected_, packets_, first_rejected_->reason()));
    if (packets_ == 0 && refused_ == 0) return Verdict::inconclusive("packets", "none came");
    if (refused_ > 0)
      return Verdict::inconclusive("packets",
                                   fmt::format("{} were not whole, or no packets at all", refused_));
    if (unknown_ > 0)
      return Verdict::inconclusive("weight",
                                   fmt::format("{} of {} packets were not checkable", unknown_, packets_));
    if (recomputed_ == 0)
      return Verdict::inconclusive("weight", "no entry was compared with a weight that you gave");
    return Verdict::accepted();
  };
  Verdict verdict = outcome();
  if (verdict.ok()) {
    verdict.add_check("product", Grade::kRecomputed);
    if (carried_ > 0) verdict.add_check("columns of B that packets brought", Grade::kSelfReported);
  }
  std::uint64_t missing = 0, dropped = 0;
  for (const auto& [id, session] : sessions_) {
    std::uint64_t next = 0;
    for (const auto& [first, last] : session.ranges) {
      missing = saturating_sum(missing, first - next);
      next = last + 1;
    }
    dropped = saturating_sum(dropped, session.dropped);
  }
  verdict.add_figure("packets", packets_)
      .add_figure("sessions", std::uint64_t{sessions_.size()})
      .add_figure("rejected", rejected_)
      .add_figure("not checkable", unknown_)
      .add_figure("refused", refused_)
      .add_figure("missing", missing)
      .add_figure("dropped by the sender", dropped)
      .add_figure("entries against known weights", recomputed_)
      .add_figure("entries against columns in packets", carried_)
      .add_figure({"largest share of the bound", largest_share_, Bound{Bound::Kind::kAtMost, 1}});
  verdict.add_assumption(
      "the sender draws the entries, after the product, and commits to nothing: a cheat that chooses them "
      "is not found");
  return verdict;
}

}  // namespace assay::audit
