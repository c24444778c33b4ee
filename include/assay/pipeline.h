// The files of the step-by-step pipeline: directories of `convert`, `reshape` and `interpolate`,
// coefficients.json, proofs.json. docs/pipeline.md gives each of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/claim.h"
#include "assay/encode.h"
#include "assay/tensor.h"
#include "assay/verifier.h"

namespace assay::pipeline {

// ---- Directories

/// Of the JSON file of a directory. Its longest texts are prompt and answer.
inline constexpr std::size_t kMaxDirectoryJson = std::size_t{16} << 20;

struct ConversionLayer {
  std::string name;
  tensor::Shape original_shape;
  std::string npy_file;
  tensor::IntegerArray values;
};

/// A directory of `convert`: one .npy for each layer and conversion_metadata.json. Without that file: what
/// the arrays hold, as plain integers.
struct Conversion {
  std::string model_name;
  std::string prompt;
  std::string generated_text;
  encode::Encoding encoding;
  std::uint32_t scale_factor = 0;  ///< decimal; else 0
  double quantize_pct = 0;
  tensor::Storage storage = tensor::Storage::kInt64;  ///< the widest that any layer uses
  std::vector<ConversionLayer> layers;

  [[nodiscard]] std::vector<tensor::IntegerTensor> tensors() const;
};

struct ConvertOptions {
  std::filesystem::path output_dir;  ///< empty: <model>_int_activations beside the input
  encode::Encoding::Kind encoding = encode::Encoding::Kind::kDecimal;
  std::optional<std::uint32_t> scale_factor;  ///< default by dtype; the layers must agree
  double quantize_pct = 0;
  bool object_storage = false;  ///< write Python integers, as the original does
};

/// Writes <dir>/<layer>.npy and <dir>/conversion_metadata.json, all or none, and gives the directory. Errors:
/// as open, encode, write_npy; kMalformed when the file holds no layer.
[[nodiscard]] Result<std::filesystem::path> convert(const std::filesystem::path& input,
                                                    const ConvertOptions& options);

/// Reads a directory of convert (or of the original script) and checks metadata against arrays. Without
/// metadata it takes every .npy as a layer: "embedding", "layer_0", "layer_1", .., then others by name.
/// Errors: as open; kMismatch.
[[nodiscard]] Result<Conversion> read_conversion(const std::filesystem::path& dir);

struct ReshapeOptions {
  std::filesystem::path output_dir;  ///< empty: <input>_hypercube
  encode::CubeOptions cube;
  bool object_storage = false;
};

/// A directory of `reshape`: hypercube.npy and hypercube_metadata.json. Without that file: one array of plain
/// integers.
struct Hypercube {
  encode::Layout layout;
  tensor::IntegerArray values;  ///< in C order of layout.axes
  std::string model_name;
  std::optional<encode::Encoding> encoding;
};

/// Writes <dir>/hypercube.npy and <dir>/hypercube_metadata.json, both or none, and gives the directory.
[[nodiscard]] Result<std::filesystem::path> reshape(const std::filesystem::path& input_dir,
                                                    const ReshapeOptions& options);

/// Reads a directory of reshape (or of the original script; its padding, drawn by numpy, is taken as it is)
/// and checks metadata against the array. The encoding is that of "conversion_metadata", or of
/// "conversion_params", as the original script writes it. Errors: as open; kMismatch.
[[nodiscard]] Result<Hypercube> read_hypercube(const std::filesystem::path& dir);

/// claim::read_subject, which takes files, and a directory of `reshape`, which has its own encoding, layout
/// and axes. Errors: kMismatch where `options` choose others; those of both readers.
[[nodiscard]] Result<claim::Subject> read_subject(const std::filesystem::path& path,
                                                  const claim::SubjectOptions& options);

/// claim::read_captured, which takes files, and a directory of `reshape`, of which the values count, and the
/// encoding where it records one.
[[nodiscard]] Result<claim::Captured> read_captured(const claim::Header& header,
                                                    const std::filesystem::path& path);

// ---- Polynomials

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
struct Directories {
  std::filesystem::path polynomial;
  std::filesystem::path hypercube;
  std::filesystem::path output;
};

/// Fills in what was not given: X_polynomial has the hypercube X, where that directory holds hypercube.npy,
/// and the output X_commitment. X/hypercube_polynomial, made from X/hypercube.npy, has the hypercube X.
[[nodiscard]] Directories find_directories(const std::string& polynomial, const std::string& hypercube,
                                           const std::string& output);

/// What a polynomial directory commits to.
struct PolynomialTensor {
  Polynomial polynomial;
  claim::Header header;         ///< of the hypercube, where there is one; else a flat tensor of integers
  tensor::IntegerArray values;  ///< on the grid, from the coefficients
  std::optional<tensor::IntegerArray> ground_truth;  ///< of the hypercube
};

/// Errors: those of the readers; kMismatch where the hypercube has other axes.
[[nodiscard]] Result<PolynomialTensor> read_polynomial_tensor(const Directories& directories);

// ---- JSON files

/// "proofs.json": commitment, points, values, quotients; no header, so nothing says what the numbers are.
struct ProofsJson {
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 26;
  static constexpr std::size_t kMaxCount = 65536;

  G1Affine commitment;
  std::uint32_t num_variables = 0;
  std::uint32_t degree_bound = 0;
  claim::Proofs proofs;                     ///< on the grid where all coordinates are below degree_bound
  std::optional<Digest> commitment_digest;  ///< a field of ours

  /// Exactly the documented fields. Integers z with |z| < r stand for their residues. The text is read as a
  /// stream: each proof is held once. Errors: kMalformed, kMismatch (lengths), kOutOfRange, kTooLarge, those
  /// of curve::decode_g1 for the commitment.
  static Result<ProofsJson> parse(std::string_view json, std::string_view place);
  static Result<ProofsJson> read(const std::filesystem::path& path);
};

/// Steps: "no proofs" (inconclusive), "axes" (num_variables is the count, degree_bound the largest), then
/// those of checker.check_evidence. Always notes "header unbound"; where the opening equation fails and the
/// first proof holds under pst::original_secrets, "made under another setup". Figures: "proofs", "distinct
/// points". Of the options only `trusted` and `world` are looked at: a file without header binds nothing that
/// the others ask about.
[[nodiscard]] claim::Verification verify(const ProofsJson& proofs, const claim::TensorChecker& checker,
                                         const claim::VerifyOptions& options = {});

/// The same proofs under a commitment, which they must be of. Steps: "axes" (num_variables is the header's
/// count), "commitment digest" (the point, and the digest where the file names one), then those of
/// claim::verify. Figures: those of claim::verify; of the two rejections "proofs" and "commitment digest".
[[nodiscard]] claim::Verification verify(const ProofsJson& proofs, const claim::Commitment& commitment,
                                         const claim::TensorChecker& checker,
                                         const claim::VerifyOptions& options = {});

/// The text of "proofs.json". A value is written as its residue, as the original pipeline does.
[[nodiscard]] std::string proofs_json(const claim::Commitment& commitment, const claim::Proofs& proofs);

/// "coefficients.json": dims and coefficients in C order of the exponents, residues as decimal strings.
struct CoefficientsJson {
  Axes axes;
  std::uint32_t degree_bound = 0;
  std::vector<Scalar> coefficients;

  /// Streams the text; no tree is built. Errors: kMalformed, kMismatch (count, degree bound), kOutOfRange,
  /// kTooLarge.
  static Result<CoefficientsJson> parse(std::string_view json, std::string_view place);
  static Result<CoefficientsJson> read(const std::filesystem::path& path);
};

/// Gives the text of "coefficients.json" piece by piece to `write`, whose Error ends it. There must be
/// axes.volume() coefficients. Errors: kMismatch, and those of `write`.
[[nodiscard]] Status write_coefficients_json(const Axes& axes, std::span<const Fr> coefficients,
                                             const std::function<Status(std::string_view)>& write);

}  // namespace assay::pipeline
