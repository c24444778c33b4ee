// A directory of `interpolate`, and the directories that stand beside it in the seeds' pipeline.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "assay/claim.h"
#include "assay/tensor.h"
#include "base/json.h"

namespace assay::cli {

inline constexpr std::string_view kCoefficientsSafetensors = "coefficients.safetensors";
inline constexpr std::string_view kCoefficientsJson = "coefficients.json";
inline constexpr std::string_view kHypercubeJson = "hypercube_metadata.json";
inline constexpr std::string_view kHypercubeNpy = "hypercube.npy";

/// Coefficients in C order of the exponents.
struct Polynomial {
  Axes axes;
  std::vector<Fr> coefficients;
};

/// Writes a safetensors file: "coefficients", U8 [n, 32], canonical little-endian residues; dims in the
/// metadata.
[[nodiscard]] Status write_coefficients(const Polynomial& polynomial, const std::filesystem::path& path);

/// coefficients.safetensors of the directory, or coefficients.json where there is no such. Errors: those of
/// the readers; kMalformed, kNonCanonical, kMismatch.
[[nodiscard]] Result<Polynomial> read_coefficients(const std::filesystem::path& dir);

/// The directories of one tensor; an empty `hypercube` means that there is none.
struct PipelineDirs {
  std::filesystem::path polynomial;
  std::filesystem::path hypercube;
  std::filesystem::path output;
};

/// Fills in what was not given: X_polynomial has the hypercube X, where that is a directory, and the output
/// X_commitment.
[[nodiscard]] PipelineDirs find_dirs(const std::string& polynomial, const std::string& hypercube,
                                     const std::string& output);

/// What a polynomial directory commits to.
struct PolynomialTensor {
  Polynomial polynomial;
  claim::Header header;         ///< of the hypercube, where there is one; else a flat tensor of integers
  tensor::IntegerArray values;  ///< on the grid, from the coefficients
  std::optional<tensor::IntegerArray> ground_truth;  ///< of the hypercube
};

/// Errors: those of the readers; kMismatch where the hypercube has other axes.
[[nodiscard]] Result<PolynomialTensor> read_polynomial_tensor(const PipelineDirs& dirs);

/// A whole JSON file of at most 256 MiB.
[[nodiscard]] Result<Json> read_json(const std::filesystem::path& path);

/// Creates a directory with its parents. Errors: kIo.
[[nodiscard]] Status make_directory(const std::filesystem::path& dir);

}  // namespace assay::cli
