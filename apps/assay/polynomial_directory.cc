#include "polynomial_directory.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/new_directory.h"
#include "base/try.h"
#include "base/within.h"
#include "parameters.h"
#include "report.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

Result<pst::Srs> srs_for(const DirectoryOptions& options, const pipeline::Directories& dirs, const Axes& axes,
                         const Console& console) {
  if (!options.srs.empty()) {
    const pst::Srs srs = ASSAY_TRY(pst::Srs::open(options.srs));
    ASSAY_TRY(check_axes(axes, dirs.polynomial.string(), srs, options.srs));
    return srs;
  }
  const fs::path path = dirs.output / pipeline::kDevSrs;
  console.warn(fmt::format(
      "WARNING: no --srs was given: {} is made from the seed {}. Whoever knows this seed can open the "
      "commitment to anything: it is worth nothing to anybody but yourself.",
      path.string(), options.srs_seed));
  return make_dev_srs(axes, options.srs_seed, path);
}

}  // namespace

Status check_axes(const Axes& tensor, const std::string& tensor_path, const pst::Srs& srs,
                  const std::string& srs_path) {
  if (tensor == srs.axes()) return {};
  return Error{
      ErrorCode::kMismatch, srs_path,
      fmt::format("is for axes {} ({} values), but {} has axes {} ({} values)", srs.axes().to_string(),
                  srs.axes().volume(), tensor_path, tensor.to_string(), tensor.volume())};
}

std::vector<std::string> lines_of_commitment(const claim::Commitment& commitment, std::string_view digest,
                                             double seconds) {
  const claim::Header& header = commitment.header;
  return {fmt::format("{} values in axes {}, layout {}, encoding {}, {} positions of padding",
                      grouped(header.layout.real_count), header.layout.axes.to_string(),
                      encode::to_string(header.layout.kind), header.encoding.to_string(),
                      grouped(header.layout.padding())),
          "commitment " + to_hex(commitment.value), fmt::format("digest     {}", digest),
          fmt::format("committed in {:.3f} s", seconds)};
}

Result<CommittedDirectory> commit_directory(const DirectoryOptions& options, claim::CaptureMode mode,
                                            const Console& console) {
  pipeline::Directories dirs =
      pipeline::find_directories(options.poly_dir, options.hypercube_dir, options.output_dir);
  pipeline::PolynomialTensor tensor = ASSAY_TRY(pipeline::read_polynomial_tensor(dirs));
  tensor.header.capture_mode = mode;
  const NewDirectory made = ASSAY_TRY(NewDirectory::create(dirs.output));
  const Stopwatch setup;
  pst::Srs srs = ASSAY_TRY(srs_for(options, dirs, tensor.polynomial.axes, console));
  const double setup_seconds = setup.seconds();
  const Stopwatch committing;
  claim::Commitment commitment =
      ASSAY_TRY(within(dirs.polynomial.string(), claim::commit(srs, tensor.header, tensor.values.view())));
  const double seconds = committing.seconds();
  Json results = pipeline::results_json(commitment, dirs, setup_seconds, seconds);
  results["srs"] = options.srs.empty() ? (dirs.output / pipeline::kDevSrs).string() : options.srs;
  results["srs_trust"] = pst::to_string(srs.verifier_key().trust);
  ASSAY_TRY(pipeline::write_commitment(dirs, commitment, results));
  return CommittedDirectory{std::move(dirs),       std::move(tensor),  std::move(srs),
                            std::move(commitment), std::move(results), seconds};
}

}  // namespace assay::cli
