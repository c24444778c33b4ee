#include "points.h"

#include <fmt/format.h>

#include <algorithm>

#include "arguments.h"
#include "base/try.h"

namespace assay::cli {
namespace {

Result<std::vector<claim::Query>> points_of_challenge(const std::string& path,
                                                      const claim::Commitment& commitment) {
  const claim::Challenge challenge = ASSAY_TRY(claim::Challenge::read(path));
  if (challenge.commitment_digest != commitment.digest())
    return Error{ErrorCode::kMismatch, path,
                 fmt::format("asks about the commitment {}, this one is {}",
                             to_hex(challenge.commitment_digest), to_hex(commitment.digest()))};
  return challenge.queries;
}

Result<std::vector<claim::Query>> points_of_draw(const PointOptions& options,
                                                 const claim::Commitment& commitment) {
  if (!options.random) return std::vector<claim::Query>{};
  return (options.seed ? ASSAY_TRY(claim::Challenge::from_seed(commitment, *options.random, *options.seed))
                       : ASSAY_TRY(claim::Challenge::draw(commitment, *options.random)))
      .queries;
}

Result<claim::Query> field_point(const std::string& text, const Axes& axes) {
  std::vector<Fr> coordinates = ASSAY_TRY(parse_field_point(text, "--at-field"));
  if (coordinates.size() != axes.count())
    return Error{ErrorCode::kMismatch, "--at-field",
                 fmt::format("'{}' has {} coordinates, the axes {} need {}", text, coordinates.size(),
                             axes.to_string(), axes.count())};
  return claim::Query::anywhere(std::move(coordinates), axes);
}

}  // namespace

Result<std::vector<claim::Query>> points_of(const PointOptions& options,
                                            const claim::Commitment& commitment) {
  const encode::Layout& layout = commitment.header.layout;
  if (options.seed && !options.random) return Error{ErrorCode::kMalformed, "--seed", "goes with --random"};
  std::vector<claim::Query> points;
  const auto add = [&points](claim::Query point) {
    if (std::find(points.begin(), points.end(), point) == points.end()) points.push_back(std::move(point));
  };
  for (const std::string& text : options.at) {
    std::vector<std::uint32_t> coordinates = ASSAY_TRY(parse_coordinates(text, "--at"));
    const Result<std::uint64_t> index = layout.axes.index_of(coordinates);
    if (!index.ok())
      return Error{index.error().code, "--at " + text,
                   fmt::format("not a point of the axes {}", layout.axes.to_string())};
    add(claim::Query::on_grid(std::move(coordinates)));
  }
  for (const std::string& text : options.entries)
    add(claim::Query::on_grid(ASSAY_TRY(parse_entry(text, layout, "--entry")).coordinates));
  for (const std::string& text : options.at_field) add(ASSAY_TRY(field_point(text, layout.axes)));
  // Sorted out by hand above; what is drawn is distinct by itself, and there may be a million of it.
  std::vector<claim::Query> drawn = ASSAY_TRY(points_of_draw(options, commitment));
  const std::vector<claim::Query> named = points;
  for (claim::Query& point : drawn)
    if (std::find(named.begin(), named.end(), point) == named.end()) points.push_back(std::move(point));
  if (options.challenge.empty()) {
    if (points.empty())
      return Error{ErrorCode::kMalformed, "",
                   "no points: give --at, --entry, --at-field, --random or --challenge"};
    return points;
  }
  if (!points.empty())
    return Error{ErrorCode::kMalformed, "--challenge",
                 "a challenge is answered as it is: leave the other points out"};
  return points_of_challenge(options.challenge, commitment);
}

}  // namespace assay::cli
