// A directory of `interpolate`, and the directories that stand beside it.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "assay/pipeline.h"
#include "base/file.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/within.h"
#include "pipeline/directory_json.h"

namespace assay::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "assay/coefficients/v1";
constexpr std::string_view kTensorName = "coefficients";
constexpr std::size_t kRow = 32;
constexpr std::size_t kGrain = 4096;

bool names_file(const fs::path& path) {
  std::error_code failure;
  return fs::exists(path, failure);
}

Result<Polynomial> read_safetensors(const fs::path& path) {
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(path));
  const tensor::TensorView* rows = file.find(kTensorName);
  if (rows == nullptr || rows->dtype != tensor::Dtype::kU8 || rows->shape.size() != 2 ||
      rows->shape[1] != kRow)
    return Error{ErrorCode::kMalformed, path.string(), "no tensor 'coefficients' of bytes, [n, 32]"};
  Axes axes = ASSAY_TRY(Axes::parse(file.metadata_value("dims"), path.string() + ": dims"));
  if (rows->shape[0] != axes.volume())
    return Error{
        ErrorCode::kMismatch, path.string(),
        fmt::format("{} coefficients, but dims {} need {}", rows->shape[0], axes.to_string(), axes.volume())};
  Polynomial polynomial{std::move(axes), std::vector<Fr>(rows->shape[0])};
  for (std::size_t i = 0; i < polynomial.coefficients.size(); ++i) {
    const Result<Scalar> scalar = Scalar::from_bytes(rows->bytes.subspan(i * kRow, kRow), "");
    if (!scalar.ok())
      return Error{scalar.error().code, fmt::format("{}: coefficient {}", path.string(), i),
                   scalar.error().reason};
    polynomial.coefficients[i] = Fr::from_scalar(*scalar);
  }
  return polynomial;
}

Result<Polynomial> read_coefficients_json(const fs::path& path) {
  const CoefficientsJson read = ASSAY_TRY(CoefficientsJson::read(path));
  Polynomial polynomial{read.axes, std::vector<Fr>(read.coefficients.size())};
  parallel_for(0, read.coefficients.size(), kGrain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      polynomial.coefficients[i] = Fr::from_scalar(read.coefficients[i]);
  });
  return polynomial;
}

bool equal(const IntegerView& a, const IntegerView& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i]) return false;
  return true;
}

Result<tensor::IntegerArray> values_on_grid(const Polynomial& polynomial) {
  const std::vector<Fr> values = ASSAY_TRY(pst::grid_values(polynomial.axes, polynomial.coefficients));
  std::vector<Scalar> scalars(values.size());
  parallel_for(0, values.size(), kGrain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) scalars[i] = values[i].to_scalar();
  });
  return tensor::IntegerArray::own(std::move(scalars));
}

}  // namespace

Status write_coefficients(const Polynomial& polynomial, const fs::path& path) {
  const std::size_t count = polynomial.coefficients.size();
  Bytes rows(count * kRow);
  parallel_for(0, count, kGrain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      std::ranges::copy(polynomial.coefficients[i].to_scalar().to_bytes(),
                        rows.begin() + static_cast<std::ptrdiff_t>(i * kRow));
  });
  const tensor::TensorView view{std::string(kTensorName), tensor::Dtype::kU8, {count, kRow}, rows, {}};
  const tensor::Metadata metadata = {
      {"format", std::string(kFormat)},
      {"dims", polynomial.axes.to_string()},
      {"degree_bound", fmt::format("{}", *std::ranges::max_element(polynomial.axes.sizes()))},
      {"field", "BN254 scalar field"},
      {"order", "C order over the exponents"}};
  return tensor::write_safetensors(path, std::span(&view, 1), metadata);
}

Result<Polynomial> read_coefficients(const fs::path& dir) {
  const fs::path rows = dir / kCoefficientsSafetensors;
  const fs::path json = dir / kCoefficientsJson;
  if (names_file(rows)) return read_safetensors(rows);
  if (names_file(json)) return read_coefficients_json(json);
  return Error{ErrorCode::kIo, dir.string(),
               fmt::format("neither {} nor {} is there", kCoefficientsSafetensors, kCoefficientsJson)};
}

Directories find_directories(const std::string& polynomial, const std::string& hypercube,
                             const std::string& output) {
  Directories dirs{polynomial, hypercube, output};
  if (!dirs.polynomial.has_filename()) dirs.polynomial = dirs.polynomial.parent_path();  // "dir/"
  constexpr std::string_view kSuffix = "_polynomial";
  std::string base = dirs.polynomial.string();
  const bool named = base.ends_with(kSuffix);
  if (named) base.resize(base.size() - kSuffix.size());
  // X_polynomial is of X; X/hypercube_polynomial, made from X/hypercube.npy by itself, is of X too.
  fs::path cube = base;
  if (fs::path(base + ".npy").filename() == kHypercubeNpy)
    cube = cube.has_parent_path() ? cube.parent_path() : fs::path(".");
  if (hypercube.empty() && named && has_file(cube, kHypercubeNpy)) dirs.hypercube = std::move(cube);
  if (output.empty()) dirs.output = base + "_commitment";
  return dirs;
}

Result<PolynomialTensor> read_polynomial_tensor(const Directories& dirs) {
  ASSAY_TRY(require_directory(dirs.polynomial));
  Polynomial polynomial = ASSAY_TRY(read_coefficients(dirs.polynomial));
  Result<tensor::IntegerArray> values = values_on_grid(polynomial);
  if (!values.ok()) return within(dirs.polynomial.string(), values.error());
  if (dirs.hypercube.empty()) {
    encode::Layout layout = ASSAY_TRY(plain_layout(polynomial.axes));
    return PolynomialTensor{
        std::move(polynomial), {std::move(layout), {}, {}, {}, {}}, *std::move(values), {}};
  }
  Hypercube cube = ASSAY_TRY(read_hypercube(dirs.hypercube));
  if (cube.layout.axes != polynomial.axes)
    return Error{ErrorCode::kMismatch, dirs.hypercube.string(),
                 fmt::format("its axes are {}, those of {} are {}", cube.layout.axes.to_string(),
                             dirs.polynomial.string(), polynomial.axes.to_string())};
  // Where they agree, as they should, the hypercube's integers are the narrower ones.
  if (equal(values->view(), cube.values.view())) values = cube.values;
  return PolynomialTensor{std::move(polynomial),
                          {std::move(cube.layout), cube.encoding.value_or(encode::Encoding{}), {}, {}, {}},
                          *std::move(values),
                          std::move(cube.values)};
}

}  // namespace assay::pipeline
