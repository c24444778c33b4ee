// `assay locate`: one place in its three names: coordinates, flat index, entry of a layer.
#include <fmt/format.h>

#include <optional>

#include "arguments.h"
#include "assay/pipeline.h"
#include "base/try.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct LocateOptions {
  std::string commitment;
  std::string hypercube_dir;
  std::string at;
  std::string entry;
  std::optional<std::uint64_t> index;
};

Result<encode::Layout> read_layout(const LocateOptions& options) {
  if (options.commitment.empty() == options.hypercube_dir.empty())
    return Error{ErrorCode::kMalformed, "", "give exactly one of --commitment and --hypercube-dir"};
  if (!options.commitment.empty())
    return ASSAY_TRY(claim::Commitment::read(options.commitment)).header.layout;
  return ASSAY_TRY(pipeline::read_hypercube(options.hypercube_dir)).layout;
}

Result<claim::Place> find(const LocateOptions& options, const encode::Layout& layout) {
  if (!options.at.empty())
    return named_by_flags(claim::place_of(layout, ASSAY_TRY(parse_coordinates(options.at, "--at"))),
                          {{"coordinates", "--at"}});
  if (!options.entry.empty()) return parse_entry(options.entry, layout, "--entry");
  return claim::place_of_index(layout, *options.index);
}

Result<int> run_locate(const LocateOptions& options, const Console& console) {
  const int ways = static_cast<int>(!options.at.empty()) + static_cast<int>(!options.entry.empty()) +
                   static_cast<int>(options.index.has_value());
  if (ways != 1) return Error{ErrorCode::kMalformed, "", "give exactly one of --at, --index and --entry"};
  const encode::Layout layout = ASSAY_TRY(read_layout(options));
  const claim::Place place = ASSAY_TRY(find(options, layout));
  std::vector<std::string> lines = {
      fmt::format("coordinates  {}", fmt::join(place.coordinates, ",")),
      fmt::format("flat index   {}", place.flat_index),
  };
  if (place.is_padding) {
    lines.emplace_back("entry        none: this is padding");
  } else {
    lines.push_back(
        fmt::format("entry        {}:{}, which is {}", place.layer, place.position, place.to_string()));
    if (!place.tap.empty()) lines.push_back("tap          " + place.tap);
  }
  return console.report(claim::json_of(place), lines);
}

}  // namespace

void add_locate(Program& program) {
  const auto [verb, options] =
      program.add("locate", "Say what lies at a point: coordinates, flat index and entry of a layer",
                  "assay locate --commitment cube.commitment --at 0,5,2", run_locate);
  add_option(verb, "--commitment FILE", options.commitment, "a commitment");
  add_option(verb, "--hypercube-dir DIR", options.hypercube_dir, "or a directory of reshape");
  add_option(verb, "--at C,C,..", options.at, "coordinates in the committed tensor");
  add_option(verb, "--index N", options.index, "flat index, in C order");
  add_option(verb, "--entry ENTRY", options.entry,
             "LAYER:POSITION, the position flat or as coordinates in the layer");
}

}  // namespace assay::cli
