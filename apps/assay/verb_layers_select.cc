// `assay layers select`: which layers each verifier checks, from scores and budgets.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "arguments.h"
#include "assay/layers_results.h"
#include "base/file.h"
#include "base/try.h"
#include "console.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct SelectOptions {
  std::string scores;
  std::vector<std::string> budgets;
  std::string order = "free";
  double time_limit = layers::SelectionLimits{}.seconds;
  std::string output;
  bool pretty = false;
  std::string check;
  std::uint64_t draw = 0;
  std::uint64_t simulated = layers::DrawOptions{}.simulated;
};

/// "200M", "1.5G", "12345", or "5%" of `total`. Floored: "0.01%" of 12345 is 1.
Result<double> parse_budget(std::string_view text, std::uint64_t total) {
  const Error malformed{ErrorCode::kMalformed, "--budgets",
                        fmt::format("'{}' is not a number above 0, which K, M, G or % may follow", text)};
  double factor = 1;
  std::string_view digits = text;
  if (!digits.empty()) {
    const char last = digits.back();
    if (last == 'K') factor = 1e3;
    if (last == 'M') factor = 1e6;
    if (last == 'G') factor = 1e9;
    if (last == '%') factor = static_cast<double>(total) / 100;
    if (last == 'K' || last == 'M' || last == 'G' || last == '%') digits.remove_suffix(1);
  }
  double number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return malformed;
  const double budget = number * factor;
  if (!(std::isfinite(budget) && budget > 0)) return malformed;
  return budget;
}

/// Each argument is a list with commas.
Result<std::vector<double>> parse_budgets(const std::vector<std::string>& arguments, std::uint64_t total) {
  std::vector<double> budgets;
  for (const std::string& argument : arguments) {
    for (const std::string_view part : split(argument))
      budgets.push_back(ASSAY_TRY(parse_budget(part, total)));
  }
  return budgets;
}

Result<layers::Order> parse_order(const std::string& name) {
  const auto order = layers::order_from(name);
  if (!order)
    return Error{ErrorCode::kMalformed, "--order", fmt::format("'{}' is not free, fixed or greedy", name)};
  return *order;
}

// --- a verdict on a result ---

Result<int> run_check(const SelectOptions& options, const Console& console) {
  const layers::Scores scores = ASSAY_TRY(layers::Scores::read(options.scores));
  const layers::SelectionResult result = ASSAY_TRY(layers::SelectionResult::read(options.check));
  std::optional<std::vector<double>> budgets;
  if (!options.budgets.empty())
    budgets = ASSAY_TRY(parse_budgets(options.budgets, scores.total_parameters()));
  const Verdict verdict = ASSAY_TRY(layers::check_selection(result, scores, budgets));
  return console.report(json_of(verdict), Lines(verdict), exit_code(verdict.outcome()));
}

// --- drawn selections ---

/// First and last layer; -1 and -1 where there are none.
Json run_json(const layers::LayerRun& run) {
  if (run.empty()) return {-1, -1};
  return {run.begin, run.end - 1};
}

Json draws_json(const layers::Draws& draws) {
  Json json;
  json["key"] = to_hex(draws.key);
  json["draws"] = Json::array();
  for (const layers::Drawn& one : draws.drawn) {
    Json runs = Json::array();
    for (const layers::LayerRun& run : one.runs) runs.push_back(run_json(run));
    json["draws"].push_back({{"benefit", one.value}, {"cost", one.cost}, {"assignments", std::move(runs)}});
  }
  json["chance"] = draws.chance;
  json["simulated"] = draws.simulated;
  return json;
}

std::string runs_line(const layers::Drawn& one, std::size_t index) {
  std::string line = fmt::format("draw {}:", index + 1);
  for (std::size_t k = 0; k < one.runs.size(); ++k) {
    const layers::LayerRun& run = one.runs[k];
    line += run.empty() ? fmt::format("  verifier {}: none", k + 1)
                        : fmt::format("  verifier {}: layers {} to {}", k + 1, run.begin, run.end - 1);
  }
  return line;
}

Result<int> run_draw(const SelectOptions& options, const layers::SelectionProblem& problem,
                     const layers::Scores& scores, const Console& console) {
  layers::DrawOptions wanted;
  wanted.count = options.draw;
  wanted.simulated = options.simulated;
  wanted.order = ASSAY_TRY(parse_order(options.order));
  wanted.limits.seconds = options.time_limit;
  const layers::Draws draws = ASSAY_TRY(named_by_flags(layers::draw(problem, wanted), {{"count", "--draw"}}));
  const Json json = draws_json(draws);
  if (!options.output.empty())
    ASSAY_TRY(write_file(options.output, dump_json(json, options.pretty ? 2 : -1) + "\n"));
  std::vector<std::string> lines;
  for (std::size_t t = 0; t < draws.drawn.size(); ++t) lines.push_back(runs_line(draws.drawn[t], t));
  lines.push_back(fmt::format("chance of each layer to be checked, from {} simulated draws (within {:.3f}):",
                              grouped(draws.simulated), 1 / std::sqrt(static_cast<double>(draws.simulated))));
  for (std::size_t i = 0; i < draws.chance.size(); ++i)
    lines.push_back(fmt::format("  {:5.1f} %  {}", 100 * draws.chance[i], scores.layers[i].name));
  lines.emplace_back("keep the draws, and the key that they follow from, secret until the checks are done");
  return console.report(json, lines);
}

// --- one selection ---

std::string assignment_line(const layers::Assignment& one, std::size_t index) {
  if (one.layers.empty()) return fmt::format("verifier {}: no layers, budget {:.0f}", index + 1, one.budget);
  return fmt::format("verifier {}: layers {} to {} ({} to {}), cost {} of {}, worth {:.6f}", index + 1,
                     one.start_layer, one.end_layer, one.layers.front().name, one.layers.back().name,
                     grouped(one.cost), grouped(static_cast<std::uint64_t>(one.budget)), one.benefit);
}

std::vector<std::string> lines_of_selection(const layers::SelectionResult& result) {
  std::vector<std::string> lines;
  for (std::size_t k = 0; k < result.assignments.size(); ++k)
    lines.push_back(assignment_line(result.assignments[k], k));
  const layers::SelectionOrigin& origin = *result.assay;
  lines.push_back(fmt::format(
      "worth {:.6f} together, cost {}; {}", result.total_benefit, grouped(result.total_cost),
      origin.proven_optimal ? "no selection is worth more"
                            : fmt::format("no selection is worth more than {:.6f}", origin.upper_bound)));
  lines.push_back(fmt::format("the verifiers in the order given: at most {:.6f}", origin.fixed_order_value));
  for (const std::string& note : origin.notes) lines.push_back(note);
  return lines;
}

Result<int> run_select(const SelectOptions& options, const Console& console) {
  if (!options.check.empty()) return run_check(options, console);
  if (options.budgets.empty())
    return Error{ErrorCode::kMalformed, "--budgets", "is needed, but for --check FILE"};
  const layers::Order order = ASSAY_TRY(parse_order(options.order));
  if (!(options.time_limit >= 0))
    return Error{ErrorCode::kOutOfRange, "--time-limit", "seconds of at least 0 are expected"};
  const layers::Scores scores = ASSAY_TRY(layers::Scores::read(options.scores));
  const std::vector<double> budgets = ASSAY_TRY(parse_budgets(options.budgets, scores.total_parameters()));
  const layers::SelectionProblem problem = ASSAY_TRY(layers::SelectionProblem::make(scores, budgets));
  if (options.draw > 0) return run_draw(options, problem, scores, console);
  const layers::Selection selection = layers::select(problem, order, {options.time_limit});
  const auto result = layers::SelectionResult::of(scores, problem, selection, options.scores);
  if (!options.output.empty()) ASSAY_TRY(result.write(options.output, options.pretty));
  std::vector<std::string> lines = lines_of_selection(result);
  if (!options.output.empty()) lines.push_back("written to " + options.output);
  return console.report(ASSAY_TRY(parse_json(result.encode(), options.output)), lines);
}

}  // namespace

void add_layers_select(Program& program) {
  const auto [verb, options] = program.add(
      "layers select", "Give each verifier one run of layers within its budget, worth most together",
      "assay layers select --scores scores.json --budgets 200M,400M,5% --output selection.json", run_select);
  verb->alias("optimize");
  add_option(verb, "--scores,--scores-file,--scores_file FILE", options.scores,
             "scores of the model's layers")
      ->required();
  add_option(verb, "--budgets A,B,..", options.budgets,
             "parameters that each verifier can check: numbers, also as 200M, or as 5% of all");
  add_option(verb, "--order ORDER", options.order,
             "of the verifiers along the layers: free, fixed, or greedy for a quick answer")
      ->capture_default_str();
  add_option(verb, "--time-limit,--time_limit SECONDS", options.time_limit,
             "of the search that more than 20 different budgets need; at its end the best found is taken")
      ->capture_default_str();
  add_option(verb, "--output,--out FILE", options.output, "the result");
  verb->add_flag("--pretty", options.pretty, "write a line for each value");
  add_option(verb, "--check FILE", options.check,
             "instead: whether this result is a selection from the scores, within --budgets if given");
  add_option(verb, "--draw N", options.draw,
             "instead: N selections that nobody can foresee, and each layer's chance to be checked")
      ->check(not_zero());
  add_option(verb, "--simulated N", options.simulated, "draws that the chances are counted in")
      ->capture_default_str()
      ->check(not_zero());
  program.refuse(verb, {"--draw", "--output", "--order", "--time-limit"}, Program::Idle::kBeside, "--check");
  program.refuse(verb, {"--simulated"}, Program::Idle::kWithout, "--draw");
  program.refuse(verb, {"--pretty"}, Program::Idle::kWithout, "--output");
}

}  // namespace assay::cli
