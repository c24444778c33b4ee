// Every question about proofs of a commitment, in one order.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "assay/verifier.h"
#include "base/check.h"
#include "claim/interpolate.h"
#include "claim/query_rules.h"
#include "claim/verify_named.h"

namespace assay::claim {
namespace {

using encode::Encoding;
using encode::Layout;

std::string place_name(const Layout& layout, const Query& query) {
  if (!query.is_on_grid()) return "off the grid";
  const Result<Place> place = place_of(layout, query.grid);
  return place ? place->to_string() : "unknown";
}

std::string name_of(const std::optional<tensor::Dtype>& dtype) {
  return dtype ? std::string(tensor::short_name(*dtype)) : "unknown";
}

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

  [[nodiscard]] Verification ask() {
    struct Step {
      const char* name;
      Grade grade;
      Verdict (Questions::*question)();
      bool asked;
    };
    const bool captured = options_.captured != nullptr;
    // The cheap questions first. What the header says of its numbers is the other side's word.
    const std::array steps = {
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
    Verdict verdict = Verdict::accepted();
    std::vector<Verdict::Check> passed;
    for (const Step& step : steps) {
      if (step.asked) verdict = (this->*step.question)();
      if (!verdict.ok()) break;
      passed.push_back({step.name, step.asked ? step.grade : Grade::kMissing});
    }
    for (Verdict::Check& check : passed) verdict.add_check(std::move(check.step), check.grade);
    describe(verdict);
    return {std::move(verdict), std::move(false_proofs_), std::move(matches_)};
  }

 private:
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
    written("dtype", name_of(header_.dtype), expected_met_ && expected.dtype.has_value());
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
    const Expectation& expected = options_.expected;
    const auto differs = [](std::string_view what, std::string_view ours, std::string_view theirs) {
      return Verdict::rejected("expectation",
                               fmt::format("expected was the {} {}, the header says {}", what, ours, theirs));
    };
    if (expected.encoding && *expected.encoding != header_.encoding)
      return differs("encoding", expected.encoding->to_string(), header_.encoding.to_string());
    if (expected.dtype && expected.dtype != header_.dtype)
      return differs("dtype", name_of(expected.dtype), name_of(header_.dtype));
    if (expected.capture_mode && *expected.capture_mode != header_.capture_mode)
      return differs("mode", to_string(*expected.capture_mode), to_string(header_.capture_mode));
    const std::vector<encode::LayerEntry>& map = header_.layout.layer_map;
    if (!expected.layers.empty() && expected.layers.size() != map.size())
      return Verdict::rejected("expectation", fmt::format("expected were {} layers, the header has {}",
                                                          expected.layers.size(), map.size()));
    for (std::size_t i = 0; i < expected.layers.size(); ++i)
      if (expected.layers[i] != map[i].name)
        return differs(fmt::format("layer {}", i), "'" + expected.layers[i] + "'", "'" + map[i].name + "'");
    expected_met_ = true;
    return Verdict::accepted();
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
    const Challenge& asked = *options_.challenge;
    if (asked.commitment_digest != digest_)
      return Verdict::rejected("challenge", fmt::format("it asks about the commitment {}, this one is {}",
                                                        to_hex(asked.commitment_digest), to_hex(digest_)));
    if (options_.challenge_digest) {
      const Digest drawn = asked.digest();
      if (*options_.challenge_digest != drawn)
        return Verdict::rejected("challenge", fmt::format("the one that was drawn is {}, this one {}",
                                                          to_hex(*options_.challenge_digest), to_hex(drawn)));
    }
    if (asked.queries.size() != proofs_.size())
      return Verdict::rejected("challenge", fmt::format("it asks for {} points, there are proofs of {}",
                                                        asked.queries.size(), proofs_.size()));
    for (std::size_t k = 0; k < asked.queries.size(); ++k) {
      if (proofs_.query(k) == asked.queries[k]) continue;
      return Verdict::rejected("challenge",
                               fmt::format("it asks for the point {} here", asked.queries[k].to_string()))
          .at_item(k);
    }
    if (const auto padding = internal::find_padding(header_.layout, asked.queries))
      return Verdict::rejected("challenge", "it asks for a position of padding, which shows nothing")
          .at_item(*padding);
    return Verdict::accepted();
  }

  Verdict shape() {
    for (std::size_t k = 0; k < proofs_.size(); ++k) {
      const Query query = proofs_.query(k);
      const std::string fault = internal::fault_of(query, header_.layout.axes);
      if (!fault.empty()) return Verdict::rejected("proof shape", fault).at_item(k);
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
      if (!proofs_.query(k).is_on_grid()) continue;
      const Scalar value = proofs_.value(k).to_scalar();
      if (!range->contains(value))
        return Verdict::rejected(
                   "value range",
                   fmt::format("{} lies outside {} to {}, the values of {}", value.to_signed_decimal(),
                               range->smallest.to_signed_decimal(), range->largest.to_signed_decimal(),
                               header_.encoding.to_string()))
            .at_item(k);
      if (is_not_a_number(value))
        return Verdict::rejected(
                   "value range",
                   fmt::format(
                       "{} is the bit pattern of an infinity or of no number, which is never committed to",
                       value.to_signed_decimal()))
            .at_item(k);
    }
    return Verdict::accepted();
  }

  Verdict padding() {
    for (std::size_t k = 0; k < proofs_.size(); ++k) {
      const Query query = proofs_.query(k);
      if (!query.is_on_grid()) continue;
      const Result<std::uint64_t> index = header_.layout.axes.index_of(query.grid);
      ASSAY_CHECK(index.ok(), index.error().to_string());  // as the point lies on the grid
      if (header_.layout.locate(*index).value()) continue;
      ++padding_;
      const Scalar value = proofs_.value(k).to_scalar();
      if (header_.layout.kind == Layout::Kind::kModel && value != Scalar{})
        return Verdict::rejected("padding",
                                 fmt::format("a padding position opens to {}, the model layout pads with 0",
                                             value.to_signed_decimal()))
            .at_item(k);
    }
    return Verdict::accepted();
  }

  Verdict points() {
    const std::size_t values = proofs_.size() - padding_ - off_grid_;
    if (values >= options_.at_least) return Verdict::accepted();
    return Verdict::inconclusive(
        "points", fmt::format("{} values are opened, {} at least are asked for", values, options_.at_least));
  }

  /// Inside the range of `bits`, infinities and NaN are holes.
  [[nodiscard]] bool is_not_a_number(const Scalar& value) const {
    return header_.dtype && header_.encoding.kind == Encoding::Kind::kBits &&
           !encode::decode(header_.encoding, *header_.dtype, value).ok();
  }

  Verdict captured_tensor() {
    const Captured& own = *options_.captured;
    if (!own.fault.empty()) return Verdict::rejected("captured tensor", own.fault);
    const Axes& axes = header_.layout.axes;
    const bool in_layers = !own.layers.views.empty() || !own.layers.integers.empty();
    if (in_layers || own.values.size() == axes.volume()) return Verdict::accepted();
    return Verdict::rejected("captured tensor",
                             fmt::format("{} values where the axes {} need {}", own.values.size(),
                                         axes.to_string(), axes.volume()));
  }

  Verdict evidence() {
    Verdict verdict = checker_.check_evidence(commitment_, proofs_, *options_.world);
    if (verdict.outcome() != Outcome::kRejected || verdict.item()) return verdict;
    false_proofs_ = checker_.find_false(commitment_, proofs_, Verification::kMaxFalse, *options_.world);
    if (!false_proofs_.empty()) verdict.at_item(false_proofs_.front());
    return verdict;
  }

  Verdict captured_values() {
    matches_.resize(proofs_.size());
    Verdict verdict = compare_entries();
    if (off_grid_ == 0 || verdict.outcome() == Outcome::kRejected) return verdict;
    return compare_off_grid();
  }

  Verdict compare_entries() {
    std::vector<std::size_t> entries;
    std::vector<std::uint64_t> indices;
    for (std::size_t k = 0; k < proofs_.size(); ++k) {
      const Query query = proofs_.query(k);
      if (!query.is_on_grid()) continue;
      entries.push_back(k);
      indices.push_back(header_.layout.axes.index_of(query.grid).value());
    }
    const std::vector<std::optional<Scalar>> own = options_.captured->at(header_.layout, indices);
    Verdict verdict = Verdict::accepted();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::size_t k = entries[i];
      matches_[k] = own[i] && *own[i] == proofs_.value(k).to_scalar();
      if (*matches_[k] || !verdict.ok()) continue;
      verdict = differs_at(k, own[i] ? own[i]->to_signed_decimal()
                                     : "a value without an integer in " + header_.encoding.to_string());
    }
    return verdict;
  }

  // Each interpolation reads the whole tensor, and so their number is bounded. After the first difference no
  // more of them are asked for.
  Verdict compare_off_grid() {
    const Axes& axes = header_.layout.axes;
    const Result<tensor::IntegerArray> own = options_.captured->laid_out(header_.layout);
    if (!own) return Verdict::inconclusive("captured values", own.error().to_string());
    const internal::Interpolation interpolation(axes, own->view());
    const std::uint64_t most =
        std::max<std::uint64_t>(1, Verification::kMaxInterpolation / internal::Interpolation::cost(axes));
    std::uint64_t compared = 0;
    for (std::size_t k = 0; k < proofs_.size(); ++k) {
      const Query query = proofs_.query(k);
      if (query.is_on_grid()) continue;
      if (compared++ == most)
        return Verdict::inconclusive(
                   "captured values",
                   fmt::format("of {} points off the grid {} were compared, as many as a tensor of {} values "
                               "allows at once: verify fewer together",
                               off_grid_, most, axes.volume()))
            .at_item(k);
      const Result<Fr> value = interpolation.at(query.field);
      if (!value) return Verdict::inconclusive("captured values", value.error().to_string()).at_item(k);
      matches_[k] = *value == proofs_.value(k);
      if (!*matches_[k]) return differs_at(k, value->to_scalar().to_signed_decimal());
    }
    return Verdict::accepted();
  }

  [[nodiscard]] Verdict differs_at(std::size_t k, std::string captured) const {
    Verdict verdict =
        Verdict::rejected("captured values", "the opened value is not the captured one").at_item(k);
    verdict.add_figure("place", place_name(header_.layout, proofs_.query(k)));
    verdict.add_figure("opened", proofs_.value(k).to_scalar().to_signed_decimal());
    verdict.add_figure("captured", std::move(captured));
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
  bool expected_met_ = false;
  std::size_t padding_ = 0;
  std::size_t off_grid_ = 0;
  std::vector<std::size_t> false_proofs_;
  std::vector<std::optional<bool>> matches_;
};

}  // namespace

std::string describe_srs(const pst::VerifierKey& key, const TrustList& trusted) {
  const TrustList::Entry* ours = trusted.find(key.digest());
  const std::string standing =
      ours != nullptr
          ? fmt::format("SRS trusted by the verifier's list as '{}'", ours->label)
          : "SRS unverified: it is not in the list of trusted ones; who knows its secrets can open to "
            "anything";
  const std::string_view meaning = key.trust == pst::Trust::kDev
                                       ? "whoever made it can open to anything"
                                       : "sound if one contributor at least forgot their secret";
  return fmt::format("{} (the file's own word: {}, {})", standing, pst::to_string(key.trust), meaning);
}

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
  return Questions(commitment, digest, proofs, checker, options).ask();
}

}  // namespace assay::claim
