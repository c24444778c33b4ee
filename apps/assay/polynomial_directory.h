// Directories of the pipeline as `commit` and `commit-prove-verify` take them.
#pragma once

#include <string>

#include "assay/prover.h"
#include "console.h"
#include "pipeline/results.h"

namespace assay::cli {

/// "" where nothing is given.
struct DirectoryOptions {
  std::string poly_dir;
  std::string hypercube_dir;
  std::string output_dir;
  std::string srs;
  std::uint64_t srs_seed = 7;
};

/// A polynomial that was committed to; the files are written.
struct CommittedDirectory {
  pipeline::Directories directories;
  pipeline::PolynomialTensor tensor;
  pst::Srs srs;
  claim::Commitment commitment;
  Json results;
  double commit_seconds = 0;
};

/// Commits to the directory, under the SRS that was given, or one made on the spot, which binds nobody.
[[nodiscard]] Result<CommittedDirectory> commit_directory(const DirectoryOptions& options,
                                                          claim::CaptureMode mode, const Console& console);

/// Whether an SRS suits a tensor, or a directory, of these axes. Errors: kMismatch.
[[nodiscard]] Status check_axes(const Axes& tensor, const std::string& tensor_path, const pst::Srs& srs,
                                const std::string& srs_path);

/// What a report says of a commitment.
[[nodiscard]] std::vector<std::string> lines_of_commitment(const claim::Commitment& commitment,
                                                           std::string_view digest, double seconds);

}  // namespace assay::cli
