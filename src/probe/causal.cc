// Causal plans and results, and the verdict from the raw numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "assay/probe.h"
#include "assay/probe_causal.h"
#include "assay/probe_training.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/sha256.h"
#include "base/try.h"
#include "probe/sources.h"
#include "probe/streams.h"

namespace assay::probe {
namespace {

constexpr std::string_view kPlanFormat = "assay/probe/causal-plan/v";
constexpr std::string_view kResultsFormat = "assay/probe/causal/v";
constexpr std::uint32_t kCausalVersion = 1;
constexpr std::size_t kMaxPrompts = 256;
constexpr std::size_t kMaxContrast = 256;
constexpr std::size_t kMaxDirections = 10000;
constexpr double kPercentile = 99;
/// Log-odds, nats and standard deviations are never so large, and sums of their squares stay finite.
constexpr double kLargest = 1e6;

using Numbers = std::vector<double>;

Result<Numbers> numbers_of(const JsonValue& value, std::size_t count) {
  const JsonArray items = ASSAY_TRY(value.array(count));
  if (items.size() != count)
    return value.error(ErrorCode::kMismatch, fmt::format("{} numbers, {} are expected", items.size(), count));
  return items.all([](const JsonValue& item) { return item.real(-kLargest, kLargest); });
}

Result<std::vector<Numbers>> table_of(const JsonValue& value, std::size_t least, std::size_t most,
                                      std::size_t columns) {
  const JsonArray items = ASSAY_TRY(value.array(most));
  if (items.size() < least)
    return value.error(ErrorCode::kOutOfRange,
                       fmt::format("{} of them, {} to {} are taken", items.size(), least, most));
  return items.all([&](const JsonValue& item) { return numbers_of(item, columns); });
}

Result<Numbers> alphas_of(const JsonValue& value) {
  const JsonArray items = ASSAY_TRY(value.array(33));
  Numbers alphas = ASSAY_TRY(items.all([](const JsonValue& item) { return item.real(-kLargest, kLargest); }));
  if (std::ranges::adjacent_find(alphas, std::ranges::greater_equal()) != alphas.end())
    return value.error(ErrorCode::kNonCanonical, "they do not ascend");
  if (alphas.size() < 3 || std::ranges::find(alphas, 0.0) == alphas.end() || alphas.front() >= 0 ||
      alphas.back() <= 0)
    return value.error(ErrorCode::kOutOfRange, "numbers below 0, 0 and numbers above are expected");
  return alphas;
}

Result<std::vector<TokenIds>> token_lists_of(const JsonValue& value, std::size_t least) {
  const JsonArray items = ASSAY_TRY(value.array(kMaxPrompts));
  if (items.size() < least)
    return value.error(ErrorCode::kOutOfRange,
                       fmt::format("{} of them, {} to {} are taken", items.size(), least, kMaxPrompts));
  return items.all([](const JsonValue& item) -> Result<TokenIds> {
    TokenIds ids = ASSAY_TRY(item.integers<std::uint32_t>(RowsFile::kMaxTokens, 0, internal::kMaxTokenId));
    if (ids.empty()) return item.error(ErrorCode::kOutOfRange, "it has no tokens");
    return ids;
  });
}

Result<TokenIds> contrast_of(const JsonValue& value) {
  TokenIds ids = ASSAY_TRY(value.integers<std::uint32_t>(kMaxContrast, 0, internal::kMaxTokenId));
  if (ids.empty()) return value.error(ErrorCode::kOutOfRange, "it has no tokens");
  return ids;
}

/// Of least squares, over numbers that need not be centred.
double slope(std::span<const double> x, std::span<const double> y) {
  double mean_x = 0;
  double mean_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / static_cast<double>(x.size());
    mean_y += y[i] / static_cast<double>(x.size());
  }
  double product = 0;
  double square = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    product += (x[i] - mean_x) * (y[i] - mean_y);
    square += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return product / square;
}

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// Ranks from 0, ties at their mean.
Numbers ranks_of(std::span<const double> values) {
  Numbers ranks(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (const double other : values) ranks[i] += other < values[i] ? 1 : other == values[i] ? 0.5 : 0;
    ranks[i] -= 0.5;
  }
  return ranks;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  const Numbers a = ranks_of(x);
  const Numbers b = ranks_of(y);
  const double there = slope(a, b);
  const auto same = [](double first) { return [first](double each) { return each == first; }; };
  if (std::ranges::all_of(b, same(b[0]))) return 0;
  const double back = slope(b, a);
  return std::copysign(std::sqrt(std::fabs(there * back)), there);
}

/// How many of 100 of the random ones are nearer to 0.
double percentile(double size, std::span<const double> random) {
  const auto below =
      std::ranges::count_if(random, [&](double each) { return std::fabs(each) < std::fabs(size); });
  return 100 * static_cast<double>(below) / static_cast<double>(random.size());
}

struct Effect {
  double slope = 0;
  double low = 0;
  double high = 0;
  Numbers mean;  ///< over the prompts, at each alpha
};

Effect effect_of(const CausalResults& results) {
  Effect effect;
  Numbers slopes;
  for (const Numbers& prompt : results.dose) slopes.push_back(slope(results.alphas, prompt));
  for (std::size_t k = 0; k < results.alphas.size(); ++k) {
    Numbers column;
    for (const Numbers& prompt : results.dose) column.push_back(prompt[k]);
    effect.mean.push_back(mean_of(column));
  }
  effect.slope = mean_of(slopes);  // the slope of the mean, for slopes are linear
  ChaCha20Stream stream(Sha256().update("assay/probe/causal/v1").update(results.plan).digest());
  Numbers drawn;
  for (std::size_t draw = 0; draw < kResamples; ++draw) {
    double sum = 0;
    for (std::size_t i = 0; i < slopes.size(); ++i) sum += slopes[stream.below(slopes.size())];
    drawn.push_back(sum / static_cast<double>(slopes.size()));
  }
  std::ranges::sort(drawn);
  const auto tail = static_cast<std::size_t>((1 - kInterval) / 2 * static_cast<double>(kResamples - 1));
  effect.low = drawn[tail];
  effect.high = drawn[drawn.size() - 1 - tail];
  return effect;
}

Verdict decide(const CausalResults& results, const Effect& effect, double place, double kl) {
  if (effect.low <= 0 && effect.high >= 0)
    return Verdict::rejected(
        "causal effect",
        fmt::format("the interval of the slope, {:.4g} to {:.4g}, holds 0", effect.low, effect.high));
  if (!(place >= kPercentile))
    return Verdict::rejected(
        "direction", fmt::format("the slope is larger than those of {:.1f} % of {} random directions, "
                                 "at least {} % are asked for",
                                 place, results.random_dose.size(), kPercentile));
  if (!(kl <= results.kl_bound))
    return Verdict::rejected("side effect",
                             fmt::format("neutral prompts move by {:.4g} nats, the plan allows "
                                         "{:.4g}",
                                         kl, results.kl_bound));
  return Verdict::accepted();
}

std::string text_in(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Result<CausalPlan> CausalPlan::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxJsonBytes));
  const JsonFields fields =
      ASSAY_TRY(json.root().format(kPlanFormat, kCausalVersion,
                                   {"dimension", "positive", "negative", "prompts", "neutral", "kl_bound",
                                    "alphas", "random_directions", "seed"}));
  CausalPlan plan;
  plan.dimension = ASSAY_TRY(fields["dimension"].text(kMaxText));
  if (plan.dimension.empty()) return fields["dimension"].error(ErrorCode::kOutOfRange, "it is empty");
  plan.positive = ASSAY_TRY(contrast_of(fields["positive"]));
  plan.negative = ASSAY_TRY(contrast_of(fields["negative"]));
  for (const std::uint32_t id : plan.positive)
    if (std::ranges::find(plan.negative, id) != plan.negative.end())
      return fields["negative"].error(ErrorCode::kMismatch, fmt::format("token {} is in both sets", id));
  plan.prompts = ASSAY_TRY(token_lists_of(fields["prompts"], 2));
  plan.neutral = ASSAY_TRY(token_lists_of(fields["neutral"], 1));
  plan.kl_bound = ASSAY_TRY(fields["kl_bound"].real(0, kLargest));
  if (plan.kl_bound == 0) return fields["kl_bound"].error(ErrorCode::kOutOfRange, "it is 0");
  plan.alphas = ASSAY_TRY(alphas_of(fields["alphas"]));
  plan.random_directions =
      ASSAY_TRY(fields["random_directions"].integer<std::uint32_t>(kMinRandomDirections, kMaxDirections));
  plan.seed = ASSAY_TRY(fields["seed"].integer<std::uint64_t>());
  plan.sha256 = Sha256().update(text).digest();
  return plan;
}

Result<CausalPlan> CausalPlan::read(const std::filesystem::path& path) {
  return decode(text_in(ASSAY_TRY(read_file(path, kMaxJsonBytes))), path.string());
}

Result<CausalResults> CausalResults::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxJsonBytes));
  const JsonFields fields = ASSAY_TRY(
      json.root().format(kResultsFormat, kCausalVersion,
                         {"plan_sha256", "probe_set_sha256", "model_id", "layer", "dimension", "alphas",
                          "kl_bound", "dose", "random_dose", "ablated", "random_ablated", "neutral_kl"}));
  CausalResults out;
  out.plan = ASSAY_TRY(internal::digest_of(fields["plan_sha256"]));
  out.probe_set = ASSAY_TRY(internal::digest_of(fields["probe_set_sha256"]));
  out.model_id = ASSAY_TRY(fields["model_id"].text(kMaxText));
  out.layer = ASSAY_TRY(fields["layer"].integer<std::uint32_t>());
  out.dimension = ASSAY_TRY(fields["dimension"].text(kMaxText));
  out.alphas = ASSAY_TRY(alphas_of(fields["alphas"]));
  out.kl_bound = ASSAY_TRY(fields["kl_bound"].real(0, kLargest));
  out.dose = ASSAY_TRY(table_of(fields["dose"], 2, kMaxPrompts, out.alphas.size()));
  out.random_dose =
      ASSAY_TRY(table_of(fields["random_dose"], kMinRandomDirections, kMaxDirections, out.alphas.size()));
  out.ablated = ASSAY_TRY(numbers_of(fields["ablated"], out.dose.size()));
  out.random_ablated = ASSAY_TRY(numbers_of(fields["random_ablated"], out.random_dose.size()));
  const JsonArray kl = ASSAY_TRY(fields["neutral_kl"].array(kMaxPrompts));
  out.neutral_kl = ASSAY_TRY(kl.all([](const JsonValue& item) { return item.real(0, kLargest); }));
  if (out.neutral_kl.empty()) return fields["neutral_kl"].error(ErrorCode::kOutOfRange, "there are none");
  out.sha256 = Sha256().update(text).digest();
  return out;
}

Result<CausalResults> CausalResults::read(const std::filesystem::path& path) {
  return decode(text_in(ASSAY_TRY(read_file(path, kMaxJsonBytes))), path.string());
}

Status check_plan(const CausalResults& results, const CausalPlan& plan) {
  const auto other = [](std::string_view what) {
    return Error{ErrorCode::kMismatch, "causal results", fmt::format("{} not those of the plan", what)};
  };
  if (results.plan != plan.sha256) return other("they name another plan: its numbers are");
  if (results.dimension != plan.dimension) return other("the dimension is");
  if (results.alphas != plan.alphas) return other("the alphas are");
  if (results.kl_bound != plan.kl_bound) return other("the bound is");
  if (results.dose.size() != plan.prompts.size()) return other("the prompts are");
  if (results.neutral_kl.size() != plan.neutral.size()) return other("the neutral prompts are");
  if (results.random_dose.size() != plan.random_directions) return other("the random directions are");
  return {};
}

Verdict causal_verdict(const CausalResults& results) {
  const Effect effect = effect_of(results);
  Numbers random;
  for (const Numbers& direction : results.random_dose) random.push_back(slope(results.alphas, direction));
  const double place = percentile(effect.slope, random);
  const double kl = mean_of(results.neutral_kl);
  const auto zero = static_cast<std::size_t>(std::ranges::find(results.alphas, 0.0) - results.alphas.begin());
  const double untouched = effect.mean[zero];
  const double ablation = mean_of(results.ablated) - untouched;
  Numbers random_ablation;
  for (const double each : results.random_ablated) random_ablation.push_back(each - untouched);

  Verdict verdict = decide(results, effect, place, kl);
  if (verdict.ok())
    for (const char* step : {"causal effect", "direction", "side effect"})
      verdict.add_check(step, Grade::kStatistical);
  verdict.add_figure("slope", effect.slope);
  verdict.add_figure("slope, low", effect.low);
  verdict.add_figure("slope, high", effect.high);
  verdict.add_figure("Spearman", spearman(results.alphas, effect.mean));
  verdict.add_figure({"percentile", place, Bound{Bound::Kind::kAtLeast, kPercentile}, "%"});
  verdict.add_figure("ablation", ablation);
  verdict.add_figure({"percentile of ablation", percentile(ablation, random_ablation), {}, "%"});
  verdict.add_figure({"side effect", kl, Bound{Bound::Kind::kAtMost, results.kl_bound}, "nats"});
  verdict.add_note("recomputed from the raw numbers of the file, which are the word of whoever measured");
  return verdict;
}

}  // namespace assay::probe
