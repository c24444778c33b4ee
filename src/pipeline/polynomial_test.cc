#include <algorithm>

#include "assay/pipeline.h"
#include "base/file.h"
#include "pipeline/kinds.h"
#include "tensor/test_support.h"

namespace assay::pipeline {
namespace {

namespace fs = std::filesystem;
using tensor::expect_error;
using tensor::TempDir;

/// The polynomial with these values on the grid.
Polynomial through(const Axes& axes, IntegerView values) {
  return {axes, pst::interpolate(axes, values).value()};
}

Polynomial sample() {
  return through(Axes::parse("2,3", "").value(), std::vector<std::int16_t>{5, -1, 0, 7, 7, -300});
}

fs::path write_rows(const Polynomial& polynomial, const fs::path& dir) {
  EXPECT_TRUE(make_directory(dir).ok());
  EXPECT_TRUE(write_coefficients(polynomial, dir / kCoefficientsSafetensors).ok());
  return dir;
}

fs::path write_json(const Polynomial& polynomial, const fs::path& dir) {
  EXPECT_TRUE(make_directory(dir).ok());
  std::string text;
  const auto put = [&](std::string_view piece) { return text += piece, Status{}; };
  EXPECT_TRUE(write_coefficients_json(polynomial.axes, polynomial.coefficients, put).ok());
  EXPECT_TRUE(write_file(dir / kCoefficientsJson, text).ok());
  return dir;
}

/// A directory of reshape with the original pipeline's example.
fs::path write_cube(const fs::path& dir) {
  ConvertOptions options;
  options.output_dir = dir / "integers";
  options.scale_factor = 8;
  ReshapeOptions shape;
  shape.output_dir = dir / "cube";
  return reshape(convert(tensor::vector_path("tiny_activations.pt"), options).value(), shape).value();
}

TEST(Coefficients, AreReadFromEitherFile) {
  const TempDir dir;
  const Polynomial written = sample();
  for (const fs::path& path : {write_rows(written, dir / "rows"), write_json(written, dir / "json")}) {
    const Polynomial read = read_coefficients(path).value();
    EXPECT_EQ(read.axes, written.axes);
    EXPECT_EQ(read.coefficients, written.coefficients);
  }
  // Of both, the rows.
  Polynomial other = written;
  other.coefficients[0] = Fr::from_u64(9);
  write_json(other, dir / "rows");
  EXPECT_EQ(read_coefficients(dir / "rows")->coefficients, written.coefficients);
  expect_error(read_coefficients(dir / ""), ErrorCode::kIo,
               "neither coefficients.safetensors nor coefficients.json is there");
}

TEST(Coefficients, AreCanonicalAndAsManyAsTheDimsSay) {
  const TempDir dir;
  const fs::path path = write_rows(sample(), dir / "x") / kCoefficientsSafetensors;
  Bytes bytes = read_file(path, 4096).value();
  std::fill(bytes.end() - 32, bytes.end(), std::uint8_t{0xff});
  ASSERT_TRUE(write_file(path, ByteSpan(bytes)).ok());
  expect_error(read_coefficients(dir / "x"), ErrorCode::kNonCanonical,
               "coefficient 5: a scalar that is not below the group order");
  Polynomial other = sample();
  other.coefficients.pop_back();
  write_rows(other, dir / "x");
  expect_error(read_coefficients(dir / "x"), ErrorCode::kMismatch, "5 coefficients, but dims 2,3 need 6");
  const Bytes row(32);
  for (const tensor::TensorView& view :
       {tensor::TensorView{"other", tensor::Dtype::kU8, {1, 32}, row, {}},
        tensor::TensorView{"coefficients", tensor::Dtype::kI8, {1, 32}, row, {}},
        tensor::TensorView{"coefficients", tensor::Dtype::kU8, {32}, row, {}},
        tensor::TensorView{"coefficients", tensor::Dtype::kU8, {1, 32, 1}, row, {}},
        tensor::TensorView{"coefficients", tensor::Dtype::kU8, {2, 16}, row, {}}}) {
    ASSERT_TRUE(tensor::write_safetensors(path, std::span(&view, 1), {{"dims", "1"}}).ok());
    expect_error(read_coefficients(dir / "x"), ErrorCode::kMalformed,
                 "no tensor 'coefficients' of bytes, [n, 32]");
  }
}

// Under the name that interpolate gives them they are their folder's; under another, tensors like any.
TEST(Coefficients, AreShownAsTheirFolderIs) {
  const TempDir dir;
  const fs::path rows = write_rows(sample(), dir / "x") / kCoefficientsSafetensors,
                 moved = dir / "x" / "moved";
  fs::copy(rows, moved);
  const auto shown = [](const fs::path& path, std::string_view name) {
    const FileKind* const kind = find_kind(path, file_kinds()).value();
    EXPECT_EQ(kind->name, name);
    return kind->read(path).value();
  };
  const Json folder = {{"dims", {2, 3}}, {"coefficients", 6}};
  EXPECT_EQ(shown(dir / "x", "folder of interpolate"), folder);
  EXPECT_EQ(shown(rows, "coefficients"), folder);
  const Json tensors = shown(moved, "coefficients");
  EXPECT_EQ(tensors["count"], 1);
  EXPECT_EQ(tensors["metadata"]["dims"], "2,3");
}

TEST(FindDirectories, GoByTheNameOfThePolynomials) {
  const TempDir dir;
  const std::string cube = (dir / "x").string();
  const auto found = [&](const std::string& polynomial, const std::string& hypercube = "") {
    const Directories dirs = find_directories(polynomial, hypercube, "");
    EXPECT_EQ(dirs.output, cube + "_commitment");
    return dirs.hypercube.string();
  };
  EXPECT_EQ(found(cube + "_polynomial"), "") << "no such hypercube";
  ASSERT_TRUE(make_directory(cube).ok());
  EXPECT_EQ(found(cube + "_polynomial"), "") << "no hypercube in it";
  ASSERT_TRUE(write_file(fs::path(cube) / kHypercubeNpy, "").ok());
  EXPECT_EQ(found(cube + "_polynomial"), cube);
  EXPECT_EQ(found(cube + "_polynomial/"), cube);
  EXPECT_EQ(found(cube + "_polynomial", "elsewhere"), "elsewhere");
  EXPECT_EQ(found(cube), "") << "not named as a polynomial of one";
  EXPECT_EQ(find_directories(cube, "", "out").output, "out");
  // What was made of X/hypercube.npy by itself stands beside it.
  const Directories within = find_directories(cube + "/hypercube_polynomial", "", "");
  EXPECT_EQ(within.hypercube, cube);
  EXPECT_EQ(within.output, cube + "/hypercube_commitment");
  EXPECT_EQ(find_directories("hypercube_polynomial", "", "").hypercube, "") << "no hypercube.npy here";
}

TEST(PolynomialTensors, HaveTheValuesOfTheirCoefficients) {
  const TempDir dir;
  const PolynomialTensor read = read_polynomial_tensor({write_rows(sample(), dir / "x"), {}, {}}).value();
  EXPECT_EQ(tensor::decimals(read.values.view()),
            (std::vector<std::string>{"5", "-1", "0", "7", "7", "-300"}));
  EXPECT_EQ(read.header.layout.kind, encode::Layout::Kind::kFlat);
  EXPECT_EQ(read.header.layout.axes.to_string(), "2,3");
  EXPECT_FALSE(read.ground_truth.has_value());
  expect_error(read_polynomial_tensor({dir / "none", {}, {}}), ErrorCode::kIo,
               "none: there is no such directory");
  const Polynomial longer{Axes::parse("1025", "").value(), std::vector<Fr>(1025)};
  expect_error(read_polynomial_tensor({write_rows(longer, dir / "longer"), {}, {}}), ErrorCode::kTooLarge,
               (dir / "longer").string() + ": axis 0: 1025 nodes are more than the 1024");
}

TEST(PolynomialTensors, AreHeldAgainstTheirHypercube) {
  const TempDir dir;
  const fs::path cube = write_cube(dir.path());
  const tensor::IntegerArray values = read_hypercube(cube)->values;
  ASSERT_NE(values.kind(), IntegerView::Kind::kScalar);
  Polynomial polynomial = through(read_hypercube(cube)->layout.axes, values.view());
  write_rows(polynomial, dir / "x");
  const PolynomialTensor same = read_polynomial_tensor({dir / "x", cube, {}}).value();
  EXPECT_EQ(same.values.view().data(), same.ground_truth->view().data()) << "the narrower integers";
  EXPECT_EQ(same.header.layout.kind, encode::Layout::Kind::kCube);
  EXPECT_EQ(same.header.encoding.to_string(), "decimal:8");
  // Where they differ, the coefficients are what is committed to.
  polynomial.coefficients[0] += Fr::one();
  write_rows(polynomial, dir / "x");
  const PolynomialTensor other = read_polynomial_tensor({dir / "x", cube, {}}).value();
  EXPECT_EQ(other.values.kind(), IntegerView::Kind::kScalar);
  EXPECT_EQ(Fr::from_scalar(other.values.view()[0]) - Fr::from_scalar(values.view()[0]), Fr::one());
  EXPECT_EQ(tensor::decimals(other.ground_truth->view()), tensor::decimals(values.view()));
  write_rows(sample(), dir / "x");
  expect_error(read_polynomial_tensor({dir / "x", cube, {}}), ErrorCode::kMismatch,
               "its axes are 4,4,4, those of " + (dir / "x").string() + " are 2,3");
}

}  // namespace
}  // namespace assay::pipeline
