// `assay compare`: where two captures differ.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "arguments.h"
#include "assay/tensor_comparison.h"
#include "assay/tensor_engines.h"
#include "assay/verdict.h"
#include "base/try.h"
#include "program.h"
#include "tensor/comparison_report.h"

namespace assay::cli {
namespace {

struct CompareOptions {
  std::string a;
  std::string b;
  std::string tokens;
  std::uint64_t top = tensor::ComparisonOptions{}.top;
  std::optional<double> tolerance;
  bool by_order = false;
};

Result<std::uint64_t> parse_token(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size())
    return Error{ErrorCode::kMalformed, "--tokens", "FIRST:END is expected, such as 0:128"};
  return value;
}

Result<int> run_compare(const CompareOptions& options, const Console& console) {
  if (options.tolerance && !(*options.tolerance >= 0))
    return Error{ErrorCode::kOutOfRange, "--tolerance", "a number of at least 0 is expected"};
  tensor::ComparisonOptions how;
  how.top = options.top;
  how.by_order = options.by_order;
  if (!options.tokens.empty()) {
    const std::size_t colon = options.tokens.find(':');
    const std::string_view text = options.tokens;
    how.first_row = ASSAY_TRY(parse_token(text.substr(0, colon)));
    how.last_row = ASSAY_TRY(parse_token(colon == std::string::npos ? "" : text.substr(colon + 1)));
  }
  const std::vector<tensor::TensorView> a = ASSAY_TRY(tensor::open_capture(options.a));
  const std::vector<tensor::TensorView> b = ASSAY_TRY(tensor::open_capture(options.b));
  const auto compared = ASSAY_TRY(tensor::Comparison::of(a, b, how));
  const bool within = !options.tolerance || !compared.first(options.tolerance);
  Json json = {{"a", options.a}, {"b", options.b}};
  json.update(tensor::json_of(compared, options.tolerance));
  return console.report(json, compared.to_lines(options.tolerance),
                        within ? kDone : exit_code(Outcome::kRejected));
}

}  // namespace

void add_compare(Program& program) {
  const auto [verb, options] =
      program.add("compare", "Say where two captures differ: layer, token, and by how much",
                  "assay compare trainer.safetensors rollout.safetensors --tolerance 0.02", run_compare);
  verb->add_option("A", options.a, "a capture: .safetensors, .pt or .npy, or what an engine wrote")
      ->required();
  verb->add_option("B", options.b, "the other capture")->required();
  add_option(verb, "--tokens FIRST:END", options.tokens, "these tokens alone, counted from 0");
  add_option(verb, "--top N", options.top, "how many of the largest values of a token are compared by place")
      ->capture_default_str();
  add_option(verb, "--tolerance T", options.tolerance,
             "exit code 1 where the relative error of a token is larger; without it, bits are compared");
  verb->add_flag("--by-order", options.by_order, "pair layers by their order, whatever their names");
  verb->footer(
      verb->get_footer() +
      "\nWith --plot FILE (.png, or .vl.json for Vega-Lite) the program assay-compare of the Python\n"
      "package draws layers by tokens besides.");
}

}  // namespace assay::cli
