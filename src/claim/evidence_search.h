// Evidence that is points of G1: decoded and summed up, all proofs of all claims together, and where the sum
// does not hold, searched for the proofs that are false. The schemes of BN254 share it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "assay/verifier.h"
#include "base/check.h"
#include "base/try.h"

namespace assay::claim::internal {

inline constexpr std::size_t kPointBytes = 32;

/// The evidence of some claims, in one sum. A `Scheme` says what a proof needs and what it claims:
///     using Sum;                                             // with add, fold, merge, holds and find_false
///     Result<Sum> begin(const World&) const;
///     Verdict count_points(const Claimed&, std::size_t k, std::uint64_t& points);  // that proof k needs
///     Verdict add(Sum&, const Claimed&, const G1Affine& commitment, std::size_t k,
///                 std::span<const G1Affine> points) const;                         // as one statement
template <class Scheme>
class EvidenceSearch {
 public:
  /// All of these outlive it.
  EvidenceSearch(Scheme& scheme, std::span<const Claimed> claims, const World& world)
      : scheme_(scheme), claims_(claims), world_(world) {}

  [[nodiscard]] std::vector<Evidence> run(std::size_t most) {
    for (std::size_t i = 0; i < claims_.size(); ++i) found_.push_back({Verdict::accepted(), {}});
    closed_.resize(claims_.size());
    decode_commitments();
    Status failure = add_all();
    if (failure.ok()) failure = ask(most);
    if (!failure.ok()) {
      for (Evidence& each : found_)
        if (each.verdict.ok())
          each.verdict = Verdict::inconclusive("random weights", failure.error().to_string());
    }
    return std::move(found_);
  }

 private:
  // Points of a proof take more room decoded than encoded, so they are decoded block by block.
  static constexpr std::size_t kTogether = 4096;

  /// One record of one claim: what the sum takes as one statement.
  struct Unit {
    std::size_t claim, proof;
  };
  using Sum = typename Scheme::Sum;
  struct Block {
    std::vector<Unit> units;
    Sum sum;
  };

  void decode_commitments() {
    Bytes encoded;
    for (const Claimed& claim : claims_)
      encoded.insert(encoded.end(), claim.commitment->value.begin(), claim.commitment->value.end());
    commitments_.resize(claims_.size());
    if (curve::decode_all_g1(encoded, commitments_) == claims_.size()) return;
    for (std::size_t i = 0; i < claims_.size(); ++i) {
      const Result<G1Affine> point = curve::decode_g1(claims_[i].commitment->value, "commitment value");
      if (point.ok())
        commitments_[i] = *point;
      else
        close(i, Verdict::rejected("commitment value", point.error().to_string()));
    }
  }

  Status add_all() {
    std::vector<Unit> units;
    for (std::size_t i = 0; i < claims_.size(); ++i)
      for (std::size_t k = 0; k < claims_[i].proofs->size(); ++k) {
        units.push_back({i, k});
        if (units.size() < kTogether) continue;
        ASSAY_TRY(add_block(std::move(units)));
        units = {};
      }
    if (units.empty()) return {};
    return add_block(std::move(units));
  }

  Status add_block(std::vector<Unit> units) {
    if (!blocks_.empty()) blocks_.back().sum.fold();
    blocks_.push_back(ASSAY_TRY(block_of(units)));
    return {};
  }

  /// What is well formed of these, summed up. A claim with a proof that is not is rejected, and not looked at
  /// any more. Errors: those of world.fill_random.
  Result<Block> block_of(std::vector<Unit>& units) {
    Block block{{}, ASSAY_TRY(scheme_.begin(world_))};
    Bytes encoded;
    std::erase_if(units, [&](const Unit& unit) { return !take_points(unit, encoded); });
    std::vector<G1Affine> points(encoded.size() / kPointBytes);
    const bool all_decoded = curve::decode_all_g1(encoded, points) == points.size();
    std::size_t next = 0;
    for (const Unit& unit : units) {
      const Proofs& proofs = *claims_[unit.claim].proofs;
      const std::size_t count = proofs.evidence(unit.proof).size() / kPointBytes;
      const auto own = std::span(points).subspan(next, count);
      next += count;
      if (closed_[unit.claim]) continue;
      Verdict verdict = all_decoded ? Verdict::accepted() : decode_again(proofs.evidence(unit.proof), own);
      if (verdict.ok())
        verdict = scheme_.add(block.sum, claims_[unit.claim], commitments_[unit.claim], unit.proof, own);
      if (verdict.ok())
        block.units.push_back(unit);
      else
        close(unit.claim, verdict.at_item(unit.proof));
    }
    return block;
  }

  /// Appends the points of a unit that has as many as it needs.
  bool take_points(const Unit& unit, Bytes& encoded) {
    if (closed_[unit.claim]) return false;
    const Proofs& proofs = *claims_[unit.claim].proofs;
    const ByteSpan evidence = proofs.evidence(unit.proof);
    std::uint64_t needed = 0;
    Verdict verdict = scheme_.count_points(claims_[unit.claim], unit.proof, needed);
    if (verdict.ok() && evidence.size() != kPointBytes * needed)
      verdict = Verdict::rejected("proof shape", fmt::format("{} bytes of evidence, {} proof points need {}",
                                                             evidence.size(), needed, kPointBytes * needed));
    if (!verdict.ok()) {
      close(unit.claim, verdict.at_item(unit.proof));
      return false;
    }
    encoded.insert(encoded.end(), evidence.begin(), evidence.end());
    return true;
  }

  /// Which of a unit's points is none.
  static Verdict decode_again(ByteSpan evidence, std::span<G1Affine> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Result<G1Affine> point =
          curve::decode_g1(evidence.subspan(kPointBytes * i, kPointBytes), fmt::format("proof point {}", i));
      if (!point.ok()) return Verdict::rejected("proof points", point.error().to_string());
      out[i] = *point;
    }
    return Verdict::accepted();
  }

  /// Finds what is false where the sum does not hold.
  Status ask(std::size_t most) {
    if (blocks_.empty()) return {};
    if (blocks_.size() == 1) {
      if (!blocks_[0].sum.holds()) ASSAY_TRY(search(blocks_[0], most));
      return {};
    }
    blocks_.back().sum.fold();
    return descend(0, blocks_.size(), most);
  }

  Status descend(std::size_t first, std::size_t last, std::size_t most) {
    Sum sum = ASSAY_TRY(scheme_.begin(world_));
    for (std::size_t i = first; i < last; ++i) sum.merge(blocks_[i].sum);
    if (sum.holds()) return {};
    if (last - first == 1) {
      std::vector<Unit> units = std::move(blocks_[first].units);
      const std::size_t all = units.size();
      Block again = ASSAY_TRY(block_of(units));
      // Claims of which enough is known are left out now, and what they leave may hold, or be nothing.
      if (again.units.size() < all && (again.units.empty() || again.sum.holds())) return {};
      return search(again, most);
    }
    if (most == 0) return search(blocks_[first], 0);
    const std::size_t middle = first + (last - first) / 2;
    ASSAY_TRY(descend(first, middle, most));
    return descend(middle, last, most);
  }

  /// Of a block that does not hold. With `most` 0 nothing is looked for.
  Status search(Block& block, std::size_t most) {
    if (most == 0) {
      reject(block.units.front().claim);
      return {};
    }
    Block rest = std::move(block);
    for (bool first = true;; first = false) {
      const std::vector<std::size_t> found = rest.sum.find_false(most);
      // A sum that does not hold has a false part; a block of which none was found would pass.
      ASSAY_CHECK(!first || !found.empty(), rest.units.size());
      for (const std::size_t k : found) {
        const Unit& unit = rest.units[k];
        if (closed_[unit.claim]) continue;
        reject(unit.claim);
        found_[unit.claim].false_proofs.push_back(unit.proof);
        closed_[unit.claim] = found_[unit.claim].false_proofs.size() == most;
      }
      if (found.size() < most) return {};
      // Behind the last one others may be false. Of a claim with so many nothing more is asked.
      std::vector<Unit> behind(rest.units.begin() + static_cast<std::ptrdiff_t>(found.back() + 1),
                               rest.units.end());
      std::erase_if(behind, [&](const Unit& unit) { return closed_[unit.claim]; });
      if (behind.empty()) return {};
      rest = ASSAY_TRY(block_of(behind));
    }
  }

  /// Nothing more is asked of the claim.
  void close(std::size_t claim, Verdict verdict) {
    found_[claim].verdict = std::move(verdict);
    closed_[claim] = true;
  }

  void reject(std::size_t claim) {
    found_[claim].verdict =
        Verdict::rejected("opening equation", "the proof does not open the commitment to this at this point");
  }

  Scheme& scheme_;
  std::span<const Claimed> claims_;
  const World& world_;
  std::vector<G1Affine> commitments_;
  std::vector<Block> blocks_;
  std::vector<Evidence> found_;
  std::vector<bool> closed_;  ///< what is known of a claim is enough
};

}  // namespace assay::claim::internal
