#include "proving.h"

#include <fmt/format.h>

#include <algorithm>

#include "arguments.h"
#include "base/try.h"
#include "base/within.h"
#include "stopwatch.h"

namespace assay::cli {
namespace {

std::string figure(const Verdict& verdict, std::string_view name) {
  for (const auto& [key, value] : verdict.figures())
    if (key == name) return value;
  return "";
}

Result<std::vector<claim::Point>> points_of_challenge(const std::string& path,
                                                      const claim::Commitment& commitment) {
  const claim::Challenge challenge = ASSAY_TRY(claim::Challenge::read(path));
  if (challenge.commitment_digest != commitment.digest())
    return Error{ErrorCode::kMismatch, path,
                 fmt::format("asks about the commitment {}, this one is {}",
                             to_hex(challenge.commitment_digest), to_hex(commitment.digest()))};
  std::vector<claim::Point> points;
  for (const auto& point : challenge.points) points.push_back(claim::Point::on_grid(point));
  return points;
}

Result<std::vector<claim::Point>> points_of_draw(const PointOptions& options,
                                                 const claim::Commitment& commitment) {
  std::vector<claim::Point> points;
  if (!options.random) return points;
  const claim::Challenge drawn =
      options.seed ? ASSAY_TRY(claim::Challenge::from_seed(commitment, *options.random, *options.seed))
                   : ASSAY_TRY(claim::Challenge::draw(commitment, *options.random));
  for (const auto& point : drawn.points) points.push_back(claim::Point::on_grid(point));
  return points;
}

Result<claim::Point> field_point(const std::string& text, const Axes& axes) {
  std::vector<Fr> coordinates = ASSAY_TRY(parse_field_point(text, "--at-field"));
  if (coordinates.size() != axes.count())
    return Error{ErrorCode::kMismatch, "--at-field",
                 fmt::format("'{}' has {} coordinates, the axes {} need {}", text, coordinates.size(),
                             axes.to_string(), axes.count())};
  return claim::Point::anywhere(std::move(coordinates), axes);
}

}  // namespace

Result<std::vector<claim::Point>> points_of(const PointOptions& options,
                                            const claim::Commitment& commitment) {
  const tensor::Layout& layout = commitment.header.layout;
  if (options.seed && !options.random) return Error{ErrorCode::kMalformed, "--seed", "goes with --random"};
  std::vector<claim::Point> points;
  const auto add = [&points](claim::Point point) {
    if (std::find(points.begin(), points.end(), point) == points.end()) points.push_back(std::move(point));
  };
  for (const std::string& text : options.at) {
    std::vector<std::uint32_t> coordinates = ASSAY_TRY(parse_coordinates(text, "--at"));
    const Result<std::uint64_t> index = layout.axes.index_of(coordinates);
    if (!index.ok())
      return Error{index.error().code, "--at " + text,
                   fmt::format("not a point of the axes {}", layout.axes.to_string())};
    add(claim::Point::on_grid(std::move(coordinates)));
  }
  for (const std::string& text : options.entries)
    add(claim::Point::on_grid(ASSAY_TRY(parse_entry(text, layout, "--entry")).coordinates));
  for (const std::string& text : options.at_field) add(ASSAY_TRY(field_point(text, layout.axes)));
  // Sorted out by hand above; what is drawn is distinct by itself, and there may be a million of it.
  std::vector<claim::Point> drawn = ASSAY_TRY(points_of_draw(options, commitment));
  const std::vector<claim::Point> named = points;
  for (claim::Point& point : drawn)
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

Result<Proven> prove_points(const pst::Srs& srs, const claim::Commitment& commitment,
                            const IntegerView& values, const std::vector<claim::Point>& points, bool check,
                            const std::string& tensor_name, const std::string& srs_name,
                            pst::KeptQuotients* kept) {
  const Digest srs_digest = srs.verifier_key().digest();
  if (srs_digest != commitment.header.srs_digest)
    return Error{ErrorCode::kMismatch, srs_name,
                 fmt::format("its digest is {}, the commitment was made with the SRS {}", to_hex(srs_digest),
                             to_hex(commitment.header.srs_digest))};
  const Stopwatch proving;
  Result<claim::Proofs> proofs = claim::prove(srs, commitment, values, points, kept);
  if (!proofs.ok()) return within(tensor_name, proofs.error());
  Proven proven{*std::move(proofs), proving.seconds(), 0};
  if (!check) return proven;
  const Stopwatch verifying;
  const Verdict verdict =
      claim::verify(commitment, proven.proofs, pst::Verifier(srs.verifier_key()), claim::VerifyOptions{});
  proven.verify_seconds = verifying.seconds();
  if (verdict.ok()) return proven;
  return Error{
      ErrorCode::kMismatch, tensor_name,
      fmt::format("the proof at point {} does not verify (step {}): the tensor is not the one that "
                  "was committed to{}",
                  figure(verdict, "point"), verdict.step(),
                  kept != nullptr ? ", or the file of kept quotients was changed: remove that" : "")};
}

std::vector<bool> match_captured(const claim::Commitment& commitment, const claim::Proofs& proofs,
                                 const IntegerView& captured) {
  std::vector<bool> matches;
  for (const claim::Proof& proof : proofs.proofs) {
    const claim::Proofs one{proofs.commitment_digest, proofs.axis_count, {proof}};
    matches.push_back(claim::cross_check(commitment, one, captured).ok());
  }
  return matches;
}

}  // namespace assay::cli
