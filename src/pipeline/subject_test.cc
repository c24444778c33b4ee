#include "assay/pipeline.h"
#include "tensor/test_support.h"

namespace assay::pipeline {
namespace {

namespace fs = std::filesystem;
using claim::SubjectOptions;
using encode::Encoding;

/// Two layers (1, 3, 4) of bfloat16.
fs::path write_layers(const fs::path& path) {
  std::vector<std::int16_t> patterns(24);
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::int16_t>(16000 + 11 * i);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(patterns.data());
  const std::vector<tensor::TensorView> layers = {
      {"embedding", tensor::Dtype::kBF16, {1, 3, 4}, {bytes, 24}, nullptr},
      {"layer_0", tensor::Dtype::kBF16, {1, 3, 4}, {bytes + 24, 24}, nullptr}};
  EXPECT_TRUE(tensor::write_safetensors(path, layers, {}).ok());
  return path;
}

TEST(ReadSubject, ADirectoryOfReshapeSaysItselfWhatItIs) {
  const tensor::TempDir dir;
  ConvertOptions options;
  options.scale_factor = 8;
  options.output_dir = dir / "integers";
  const fs::path converted = convert(write_layers(dir / "layers.safetensors"), options).value();
  const fs::path cube = reshape(converted, {}).value();
  const claim::Subject subject = pipeline::read_subject(cube, {}).value();
  EXPECT_EQ(subject.header.layout.kind, encode::Layout::Kind::kCube);
  EXPECT_EQ(subject.header.layout.axes.to_string(), "5,5");
  EXPECT_EQ(subject.header.encoding, (Encoding{Encoding::Kind::kDecimal, 8}));
  for (const auto& choose : std::vector<void (*)(SubjectOptions&)>{
           [](SubjectOptions& o) {
             o.encoding = Encoding{Encoding::Kind::kInt, 0};
           },
           [](SubjectOptions& o) { o.layout = encode::Layout::Kind::kCube; },
           [](SubjectOptions& o) { o.axes = Axes::parse("5,5", "").value(); }}) {
    SubjectOptions chosen;
    choose(chosen);
    tensor::expect_error(pipeline::read_subject(cube, chosen), ErrorCode::kMismatch, "choose none");
  }

  // The cube's own file, padding and all, and the directory, give the committed integers again.
  for (const fs::path& path : {cube, cube / "hypercube.npy"}) {
    const claim::Captured again = pipeline::read_captured(subject.header, path).value();
    EXPECT_EQ(again.fault, "");
    ASSERT_EQ(again.values.size(), subject.values.size());
    for (std::size_t i = 0; i < again.values.size(); ++i)
      EXPECT_EQ(again.values.view()[i], subject.values.view()[i]);
  }
}

}  // namespace
}  // namespace assay::pipeline
