// The scheme `tensor`: evidence as openings of a PST commitment.
#include <fmt/format.h>

#include <algorithm>

#include "assay/verifier.h"
#include "base/check.h"

namespace assay::claim {
namespace {

constexpr std::size_t kPointBytes = 32;
// Points of a proof take more room decoded than encoded, so they are decoded block by block.
constexpr std::size_t kBlock = 4096;

/// The statements of proofs [first, last), or why the evidence of one has not the form.
class Statements {
 public:
  Statements(const G1Affine& commitment, const Proofs& proofs) : commitment_(commitment), proofs_(proofs) {}

  [[nodiscard]] Verdict decode(std::size_t first, std::size_t last, std::vector<pst::Statement>& out) const {
    out.clear();
    Bytes encoded;
    const std::size_t axes = proofs_.axis_count;
    for (std::size_t k = first; k < last; ++k) {
      const ByteSpan evidence = proofs_.evidence(k);
      if (evidence.size() != kPointBytes * axes)
        return Verdict::rejected("proof shape", fmt::format("{} bytes of evidence, {} proof points need {}",
                                                            evidence.size(), axes, kPointBytes * axes))
            .at_item(k);
      encoded.insert(encoded.end(), evidence.begin(), evidence.end());
    }
    std::vector<G1Affine> points(encoded.size() / kPointBytes);
    const std::size_t bad = curve::decode_all_g1(encoded, points);
    if (bad < points.size()) {
      const Error error = curve::decode_g1(ByteSpan(encoded).subspan(kPointBytes * bad, kPointBytes),
                                           fmt::format("proof point {}", bad % axes))
                              .error();
      return Verdict::rejected("proof points", error.to_string()).at_item(first + bad / axes);
    }
    out.reserve(last - first);
    for (std::size_t k = first; k < last; ++k) {
      const auto at = points.begin() + static_cast<std::ptrdiff_t>((k - first) * axes);
      out.push_back({commitment_,
                     proofs_.query(k).coordinates(),
                     {proofs_.value(k), {at, at + static_cast<std::ptrdiff_t>(axes)}}});
    }
    return Verdict::accepted();
  }

 private:
  const G1Affine& commitment_;
  const Proofs& proofs_;
};

/// Finds what does not hold, by halves, and counts the equations that it asks.
class Search {
 public:
  Search(const pst::Verifier& verifier, const Statements& statements, const World& world, std::size_t most)
      : verifier_(verifier), statements_(statements), world_(world), most_(most) {}

  /// Steps of check_evidence() for [first, last).
  [[nodiscard]] Verdict ask(std::size_t first, std::size_t last) const {
    Result<pst::OpeningSum> sum = pst::OpeningSum::begin(verifier_, world_);
    if (!sum) return Verdict::inconclusive("random weights", sum.error().to_string());
    std::vector<pst::Statement> block;
    for (std::size_t start = first; start < last; start += kBlock) {
      Verdict form = statements_.decode(start, std::min(start + kBlock, last), block);
      if (form.ok()) {
        form = sum->add(block);
        if (!form.ok() && form.item()) form.at_item(start + *form.item());
      }
      if (!form.ok()) return form;
    }
    if (sum->holds()) return Verdict::accepted();
    return Verdict::rejected("opening equation",
                             "the proof does not open the commitment to this at this point");
  }

  /// Of [first, last), of which some are known not to hold.
  void descend(std::size_t first, std::size_t last, std::vector<std::size_t>& found) const {
    if (found.size() >= most_) return;
    if (last - first == 1) return found.push_back(first);
    const std::size_t middle = first + (last - first) / 2;
    const bool left_holds = ask(first, middle).ok();
    if (!left_holds) descend(first, middle, found);
    // When the left half holds, the right one does not.
    if (found.size() < most_ && (left_holds || !ask(middle, last).ok())) descend(middle, last, found);
  }

 private:
  const pst::Verifier& verifier_;
  const Statements& statements_;
  const World& world_;
  std::size_t most_;
};

}  // namespace

Verdict TensorChecker::check_setup(const Header& header) const {
  const Digest digest = key().digest();
  const std::string named = header.setup_digest ? to_hex(*header.setup_digest) : "(none)";
  if (header.setup_digest != digest)
    return Verdict::rejected(
        "SRS digest",
        fmt::format("the commitment is for the SRS {}, the verifier's is {}", named, to_hex(digest)));
  const Axes& ours = header.layout.axes;
  if (ours == key().axes) return Verdict::accepted();
  return Verdict::rejected(
      "axes", fmt::format("the header has {}, the SRS {}", ours.to_string(), key().axes.to_string()));
}

Verdict TensorChecker::check_evidence(const Commitment& commitment, const Proofs& proofs,
                                      const World& world) const {
  const Result<G1Affine> point = curve::decode_g1(commitment.value, "commitment value");
  if (!point.ok()) return Verdict::rejected("commitment value", point.error().to_string());
  const Statements statements(*point, proofs);
  return Search(verifier_, statements, world, 0).ask(0, proofs.size());
}

std::vector<std::size_t> TensorChecker::find_false(const Commitment& commitment, const Proofs& proofs,
                                                   std::size_t most, const World& world) const {
  const Result<G1Affine> point = curve::decode_g1(commitment.value, "commitment value");
  std::vector<std::size_t> found;
  if (!point.ok() || proofs.empty()) return found;
  const Statements statements(*point, proofs);
  Search(verifier_, statements, world, most).descend(0, proofs.size(), found);
  return found;
}

}  // namespace assay::claim
