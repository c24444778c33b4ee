// Every question about proofs of a commitment, in one order.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "assay/verifier.h"
#include "base/check.h"
#include "base/threads.h"
#include "claim/captured_comparison.h"
#include "claim/check_challenge.h"
#include "claim/expectation.h"
#include "claim/part_runs.h"
#include "claim/query_rules.h"
#include "claim/value_faults.h"
#include "claim/verify_named.h"

namespace assay::claim {
namespace {

using encode::Layout;

/// The questions of verify(), one function each.
class Questions {
 public:
  Questions(const Commitment& commitment, const Digest& digest, const Proofs& proofs, const Checker& checker,
            const VerifyOptions& options)
      : commitment_(commitment),
        header_(commitment.header),
        proofs_(proofs),
        checker_(checker),
        options_(options),
        digest_(digest) {}

  /// Asks up to where the evidence is looked at. Whether that is to be done.
  [[nodiscard]] bool ask_before_evidence() { return ask_steps(0, kEvidence); }

  /// Asks the rest, with what was found of the evidence where that is known already.
  [[nodiscard]] Verification finish(std::optional<Evidence> shown) {
    shown_ = std::move(shown);
    if (verdict_.ok()) ask_steps(kEvidence, kSteps);
    for (Verdict::Check& check : passed_) verdict_.add_check(std::move(check.step), check.grade);
    describe(verdict_);
    return {std::move(verdict_), std::move(false_proofs_), std::move(matches_)};
  }

 private:
  static constexpr std::size_t kSteps = 16, kEvidence = 13;

  bool ask_steps(std::size_t first, std::size_t last) {
    struct Step {
      const char* name;
      Grade grade;
      Verdict (Questions::*question)();
      bool asked;
    };
    const bool captured = options_.captured != nullptr;
    // The cheap questions first. What the header says of its numbers is the other side's word.
    const std::array<Step, kSteps> steps = {
        Step{"proofs", Grade::kBound, &Questions::any, true},
        Step{"header", Grade::kSelfReported, &Questions::header, true},
        Step{"expectation", Grade::kBound, &Questions::expectation, expects_anything()},
        Step{"scheme", Grade::kBound, &Questions::scheme, true},
        Step{"setup", Grade::kBound, &Questions::setup, true},
        Step{"commitment digest", Grade::kBound, &Questions::named, true},
        Step{"expected digest", Grade::kBound, &Questions::expected, options_.expected_digest.has_value()},
        Step{"challenge", Grade::kBound, &Questions::challenge, options_.challenge != nullptr},
        Step{"proof shape", Grade::kBound, &Questions::shape, true},
        Step{"value range", Grade::kBound, &Questions::values, true},
        Step{"padding", Grade::kBound, &Questions::padding, true},
        Step{"points", Grade::kBound, &Questions::points, options_.at_least > 0},
        Step{"captured tensor", Grade::kRecomputed, &Questions::captured_tensor, captured},
        Step{"evidence", Grade::kBound, &Questions::evidence, true},
        Step{"captured values", Grade::kRecomputed, &Questions::captured_values, captured},
        Step{"encoding", Grade::kBound, &Questions::encoding, captured}};
    for (std::size_t i = first; i < last; ++i) {
      const Step& step = steps[i];
      if (step.asked) verdict_ = (this->*step.question)();
      if (!verdict_.ok()) return false;
      passed_.push_back({step.name, step.asked ? step.grade : Grade::kMissing});
    }
    return true;
  }

  [[nodiscard]] bool expects_anything() const {
    const Expectation& expected = options_.expected;
    return expected.encoding || expected.dtype || expected.capture_mode || !expected.layers.empty();
  }

  void describe(Verdict& verdict) const {
    const auto written = [&verdict](std::string_view what, std::string_view text, bool expected) {
      verdict.add_figure(std::string(what),
                         fmt::format("{}, {}", text, expected ? "as expected" : "self-reported"));
    };
    const Expectation& expected = options_.expected;
    written("encoding", header_.encoding.to_string(), expected_met_ && expected.encoding.has_value());
    written("dtype", internal::name_of(header_.dtype), expected_met_ && expected.dtype.has_value());
    written("mode", to_string(header_.capture_mode), expected_met_ && expected.capture_mode.has_value());
    if (!matches_.empty() && hidden_error() > 0)
      verdict.add_figure(
          Figure{"largest hidden error", hidden_error(), std::nullopt, "in the unit of the values"});
    verdict.add_assumption(checker_.assumption(options_.trusted));
    if (!options_.expected_digest)
      verdict.add_note("commitment digest not compared with one agreed on before");
    if (options_.challenge == nullptr) {
      verdict.add_note("points not from a challenge of the verifier");
    } else if (!options_.challenge_digest && !options_.challenge->drawn_here) {
      verdict.add_note(
          "nothing shows that the verifier drew the challenge: its digest was not compared with one that "
          "was noted then");
    }
    if (!header_.dtype)
      verdict.add_note(
          "the header names no dtype: opened values are held to the widest range of the encoding");
    if (any_parts_) verdict.add_figure("values", values_);
    if (off_grid_ > 0)
      verdict.add_note(
          fmt::format("{} of the points are off the grid, where no range bounds a value", off_grid_));
    if (verdict.item() && *verdict.item() < proofs_.size())
      verdict.add_figure("point", proofs_.query(*verdict.item()).to_string());
    verdict.add_figure("proofs", proofs_.size());
    verdict.add_figure("padding positions", padding_);
    if (!matches_.empty())
      verdict.add_figure("compared", static_cast<std::uint64_t>(std::ranges::count_if(
                                         matches_, [](const auto& one) { return one.has_value(); })));
    if (false_proofs_.size() > 1)
      verdict.add_figure("false proofs",
                         fmt::format("{}{}", false_proofs_.size(),
                                     false_proofs_.size() == Verification::kMaxFalse ? " at least" : ""));
    verdict.add_figure("commitment digest", to_hex(digest_));
  }

  Verdict any() {
    if (proofs_.empty()) return Verdict::inconclusive("no proofs", "there is nothing to check");
    return Verdict::accepted();
  }

  Verdict header() {
    const Status status = header_.validate();
    if (!status) return Verdict::rejected("header", status.error().to_string());
    return Verdict::accepted();
  }

  /// Asked before anything is done with the header's numbers.
  Verdict expectation() {
    Verdict verdict = internal::check_expectation(options_.expected, header_);
    expected_met_ = verdict.ok();
    return verdict;
  }

  Verdict scheme() {
    if (header_.scheme == checker_.scheme()) return Verdict::accepted();
    return Verdict::rejected("scheme",
                             fmt::format("the commitment's is {}, the verifier's parameters are for {}",
                                         to_string(header_.scheme), to_string(checker_.scheme())));
  }

  Verdict setup() {
    Verdict verdict = checker_.check_setup(header_);
    if (!verdict.ok()) return verdict;
    if (proofs_.axis_count == header_.layout.axes.count()) return verdict;
    return Verdict::rejected("axes", fmt::format("the proofs are for {} axes, the header has {}",
                                                 proofs_.axis_count, header_.layout.axes.count()));
  }

  Verdict named() {
    if (proofs_.commitment_digest == digest_) return Verdict::accepted();
    return Verdict::rejected("commitment digest",
                             fmt::format("the proofs are for the commitment {}, this one is {}",
                                         to_hex(proofs_.commitment_digest), to_hex(digest_)));
  }

  Verdict expected() {
    if (*options_.expected_digest == digest_) return Verdict::accepted();
    return Verdict::rejected("expected digest",
                             fmt::format("agreed on was the commitment {}, this one is {}",
                                         to_hex(*options_.expected_digest), to_hex(digest_)));
  }

  Verdict challenge() {
    return internal::check_challenge(*options_.challenge, options_.challenge_digest, header_, digest_,
                                     proofs_);
  }

  Verdict shape() {
    for (std::size_t k = 0; k < proofs_.size(); ++k) {
      const Query query = proofs_.query(k);
      const std::string fault = internal::fault_of(query, header_.layout.axes);
      if (!fault.empty()) return Verdict::rejected("proof shape", fault).at_item(k);
      if (query.is_of_parts()) {
        // Not looked at beyond what the file has: what it asks for may be of any size.
        std::uint64_t values = 0;
        for (const internal::PartRun& run :
             internal::runs_of(header_.layout, query.parts, proofs_.value_count(k)))
          values += run.count;
        if (proofs_.value_count(k) != values)
          return Verdict::rejected("proof shape",
                                   fmt::format("{} values, and not those that the parts have without the "
                                               "zeros of padding",
                                               proofs_.value_count(k)))
              .at_item(k);
        values_ += values;
        any_parts_ = true;
        continue;
      }
      ++values_;
      if (!query.is_on_grid()) ++off_grid_;
    }
    if (const auto repeated = internal::find_repeated(proofs_))
      return Verdict::rejected("proof shape", "the point stands twice: one opening would count as two")
          .at_item(*repeated);
    return Verdict::accepted();
  }

  Verdict values() {
    const Result<encode::Range> range = header_.value_range();
    ASSAY_CHECK(range.ok(), range.error().to_string());  // as the header is valid
    for (std::size_t k = 0; k < proofs_.size(); ++k) {
      if (!proofs_.is_of_parts(k) && !proofs_.query(k).is_on_grid()) continue;
      const std::string fault = internal::fault_of_values(header_, *range, proofs_.values(k).view());
      if (!fault.empty()) return Verdict::rejected("value range", fault).at_item(k);
    }
    return Verdict::accepted();
  }

  /// Slices leave out the zeros of a model layout: the verifier has them, whatever the prover thinks.
  Verdict padding() {
    for (std::size_t k = 0; k < proofs_.size(); ++k) {
      const Query query = proofs_.query(k);
      if (query.is_on_grid()) {
        const Result<std::uint64_t> index = header_.layout.axes.index_of(query.grid);
        ASSAY_CHECK(index.ok(), index.error().to_string());  // as the point lies on the grid
        Verdict verdict = padding_at(*index, proofs_.value(k).to_scalar());
        if (!verdict.ok()) return verdict.at_item(k);
      } else if (query.is_of_parts() && query.parts.fixed.size() == header_.layout.axes.count()) {
        const tensor::IntegerArray opened = proofs_.values(k);
        for (std::size_t i = 0; i < query.parts.positions.size(); ++i) {
          Verdict verdict = padding_at(query.parts.positions[i], opened.view()[i]);
          if (!verdict.ok()) return verdict.at_item(k);
        }
      }
    }
    return Verdict::accepted();
  }

  Verdict padding_at(std::uint64_t index, const Scalar& value) {
    if (header_.layout.locate(index).value()) return Verdict::accepted();
    ++padding_;
    if (header_.layout.kind != Layout::Kind::kModel || value == Scalar{}) return Verdict::accepted();
    return Verdict::rejected("padding",
                             fmt::format("a padding position opens to {}, the model layout pads with 0",
                                         value.to_signed_decimal()));
  }

  Verdict points() {
    const std::uint64_t values = different_values();
    if (values >= options_.at_least) return Verdict::accepted();
    return Verdict::inconclusive(
        "points", fmt::format("{} values are opened, {} at least are asked for", values, options_.at_least));
  }

  /// Real values that are opened, each once: slices may lie across each other.
  [[nodiscard]] std::uint64_t different_values() const {
    if (!any_parts_) return values_ - padding_ - off_grid_;
    std::vector<std::uint64_t> indices;
    indices.reserve(values_);
    for (std::size_t k = 0; k < proofs_.size(); ++k) {
      const Query query = proofs_.query(k);
      if (query.is_on_grid()) indices.push_back(header_.layout.axes.index_of(query.grid).value());
      if (!query.is_of_parts()) continue;
      for (const internal::PartRun& run : runs_of(query.parts))
        for (std::uint64_t i = 0; i < run.count; ++i) indices.push_back(run.index + i);
    }
    std::ranges::sort(indices);
    indices.erase(std::unique(indices.begin(), indices.end()), indices.end());
    return static_cast<std::uint64_t>(std::ranges::count_if(
        indices, [&](std::uint64_t i) { return header_.layout.locate(i).value().has_value(); }));
  }

  /// Of all parts, one after the other.
  [[nodiscard]] std::vector<internal::PartRun> runs_of(const Selection& parts) const {
    return internal::runs_of(header_.layout, parts);
  }

  Verdict captured_tensor() { return internal::check_captured_tensor(header_, *options_.captured); }

  Verdict evidence() {
    if (!shown_)
      shown_ = checker_.check_evidence(commitment_, proofs_, Verification::kMaxFalse, *options_.world);
    false_proofs_ = shown_->false_proofs;
    Verdict verdict = shown_->verdict;
    if (!false_proofs_.empty()) verdict.at_item(false_proofs_.front());
    return verdict;
  }

  Verdict captured_values() {
    internal::CapturedComparison comparison(header_, proofs_, *options_.captured);
    Verdict verdict = comparison.compare_all();
    matches_ = comparison.take_matches();
    return verdict;
  }

  [[nodiscard]] double hidden_error() const {
    return encode::largest_rounding_error(header_.encoding, header_.dtype);
  }

  // Asked last: what is false is said to be false. That all agrees is worth little where the prover chose how
  // much to round away; zeros agree with every value when all places are.
  Verdict encoding() {
    if (hidden_error() == 0 || options_.expected.encoding) return Verdict::accepted();
    return Verdict::inconclusive(
        "encoding", fmt::format("the opened values are the captured ones as {} rounds them, which was not "
                                "expected: name the encoding that is, or ask for one that loses nothing",
                                header_.encoding.to_string()));
  }

  const Commitment& commitment_;
  const Header& header_;
  const Proofs& proofs_;
  const Checker& checker_;
  const VerifyOptions& options_;
  const Digest digest_;
  Verdict verdict_ = Verdict::accepted();
  std::vector<Verdict::Check> passed_;
  std::optional<Evidence> shown_;
  bool expected_met_ = false;
  std::uint64_t values_ = 0;
  bool any_parts_ = false;
  std::size_t padding_ = 0;
  std::size_t off_grid_ = 0;
  std::vector<std::size_t> false_proofs_;
  std::vector<std::optional<bool>> matches_;
};

}  // namespace

std::optional<bool> Verification::verified(std::size_t k) const {
  if (verdict.ok() || verdict.step() == "captured values" || verdict.step() == "encoding") return true;
  if (std::ranges::binary_search(false_proofs, k)) return false;
  // Nothing is known of those behind the last one when the search ended early.
  if (false_proofs.empty() || (false_proofs.size() == kMaxFalse && k > false_proofs.back()))
    return std::nullopt;
  return true;
}

Verification verify(const Commitment& commitment, const Proofs& proofs, const Checker& checker,
                    const VerifyOptions& options) {
  return internal::verify_named(commitment, commitment.digest(), proofs, checker, options);
}

Verification internal::verify_named(const Commitment& commitment, const Digest& digest, const Proofs& proofs,
                                    const Checker& checker, const VerifyOptions& options) {
  Questions questions(commitment, digest, proofs, checker, options);
  static_cast<void>(questions.ask_before_evidence());
  return questions.finish(std::nullopt);
}

std::vector<Verification> verify_all(std::span<const Claim> claims, const Checker& checker,
                                     const World& world) {
  constexpr std::size_t kGrain = 16;
  std::vector<std::unique_ptr<Questions>> questions(claims.size());
  std::vector<std::uint8_t> open(claims.size());
  parallel_for(0, claims.size(), kGrain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const Claim& claim = claims[i];
      questions[i] = std::make_unique<Questions>(*claim.commitment, claim.commitment->digest(), *claim.proofs,
                                                 checker, claim.options);
      open[i] = questions[i]->ask_before_evidence() ? 1 : 0;
    }
  });
  std::vector<std::size_t> asked;
  std::vector<Claimed> evidence;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (open[i] == 0) continue;
    asked.push_back(i);
    evidence.push_back({claims[i].commitment, claims[i].proofs});
  }
  std::vector<Evidence> shown;
  if (!evidence.empty()) shown = checker.check_all_evidence(evidence, Verification::kMaxFalse, world);
  std::vector<std::optional<Evidence>> known(claims.size());
  for (std::size_t k = 0; k < asked.size(); ++k) known[asked[k]] = std::move(shown[k]);
  std::vector<Verification> found;
  found.reserve(claims.size());
  for (std::size_t i = 0; i < claims.size(); ++i) found.push_back(questions[i]->finish(std::move(known[i])));
  return found;
}

Verdict verdict_of_all(std::span<const Verification> found) {
  if (found.empty()) return Verdict::inconclusive("no claims", "there is nothing to check");
  const auto of = [&](Outcome outcome) {
    return [outcome](const Verification& one) { return one.verdict.outcome() == outcome; };
  };
  Verdict all = Verdict::accepted();
  for (const Outcome outcome : {Outcome::kRejected, Outcome::kInconclusive}) {
    const auto first = std::ranges::find_if(found, of(outcome));
    if (first == found.end()) continue;
    const Verdict& verdict = first->verdict;
    all = outcome == Outcome::kRejected ? Verdict::rejected(verdict.step(), verdict.reason())
                                        : Verdict::inconclusive(verdict.step(), verdict.reason());
    all.at_item(static_cast<std::uint64_t>(first - found.begin()));
    break;
  }
  const auto count = [&](Outcome outcome) {
    return static_cast<std::uint64_t>(std::ranges::count_if(found, of(outcome)));
  };
  all.add_figure("claims", found.size());
  all.add_figure("rejected", count(Outcome::kRejected));
  all.add_figure("inconclusive", count(Outcome::kInconclusive));
  return all;
}

}  // namespace assay::claim
