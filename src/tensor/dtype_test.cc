#include <algorithm>

#include "tensor/kinds.h"
#include "tensor/test_support.h"

namespace assay::tensor {
namespace {

using namespace std::string_literals;

TEST(Dtype, EveryNameFindsItsWayBack) {
  for (std::uint8_t i = 0; i < 13; ++i) {
    const auto dtype = static_cast<Dtype>(i);
    EXPECT_EQ(from_torch_name(torch_name(dtype)), dtype);
    EXPECT_EQ(from_short_name(short_name(dtype)), dtype);
    EXPECT_EQ(from_safetensors_name(safetensors_name(dtype)), dtype);
    if (dtype != Dtype::kBF16) {
      EXPECT_EQ(from_numpy_descr(numpy_descr(dtype)), dtype);
    }
    EXPECT_EQ(is_float(dtype), i >= 9);
  }
  EXPECT_EQ(torch_name(Dtype::kBF16), "torch.bfloat16");
  EXPECT_EQ(short_name(Dtype::kBF16), "bfloat16");
  EXPECT_EQ(from_short_name("torch.bfloat16"), std::nullopt);
  EXPECT_EQ(from_short_name(""), std::nullopt);
  EXPECT_EQ(numpy_descr(Dtype::kBF16), "");
  EXPECT_EQ(from_numpy_descr(""), std::nullopt);
  EXPECT_EQ(from_torch_name("float32"), std::nullopt);
  EXPECT_EQ(size_of(Dtype::kBool), 1u);
  EXPECT_EQ(size_of(Dtype::kBF16), 2u);
  EXPECT_EQ(size_of(Dtype::kF64), 8u);
}

TEST(ElementCount, MultipliesWithoutOverflow) {
  EXPECT_EQ(element_count(Shape{}, "x").value(), 1u);
  EXPECT_EQ(element_count(Shape{2, 3, 4}, "x").value(), 24u);
  EXPECT_EQ(element_count(Shape{~0ull, ~0ull, 0}, "x").value(), 0u);
  EXPECT_EQ(element_count(Shape{1ull << 40}, "x").value(), 1ull << 40);
  EXPECT_EQ(element_count(Shape{1ull << 20, 1ull << 20}, "x").value(), 1ull << 40);
  expect_error(element_count(Shape{(1ull << 20) + 1, 1ull << 20}, "x"), ErrorCode::kTooLarge, "2^40");
  expect_error(element_count(Shape{(1ull << 40) + 1}, "x"), ErrorCode::kTooLarge, "2^40");
  expect_error(element_count(Shape{1ull << 32, 1ull << 32}, "x"), ErrorCode::kTooLarge, "2^40");
  expect_error(element_count(Shape(33, 1), "x"), ErrorCode::kTooLarge, "32 axes");
  EXPECT_EQ(element_count(Shape(32, 1), "x").value(), 1u);
}

TEST(Container, Names) {
  EXPECT_EQ(to_string(Container::kSafetensors), "safetensors");
  EXPECT_EQ(to_string(Container::kNpy), "npy");
  EXPECT_EQ(to_string(Container::kTorch), "pt");
}

TEST(Container, ToldApartByContent) {
  EXPECT_EQ(open(vector_path("f32.npy")).value().container, Container::kNpy);
  EXPECT_EQ(open(vector_path("lone.pt")).value().container, Container::kTorch);
  EXPECT_EQ(open(vector_path("small.safetensors")).value().container, Container::kSafetensors);
  expect_error(open(vector_path("decimal.json")), ErrorCode::kMalformed, "not a safetensors");
  expect_error(open(vector_path("no such file")), ErrorCode::kIo, "no such file");
  expect_error(parse_any(source_of({})), ErrorCode::kMalformed, "not a safetensors");
}

TEST(Container, AFileOfAnOldTorchIsSaidToBeOne) {
  expect_error(parse_any(source_of(bytes_of(kOldTorchMagic))), ErrorCode::kUnsupported,
               "test: written as torch before 1.6 did: load it there and torch.save it again");
}

TEST(Container, AHeaderBeginsAtTheNinthByte) {
  const Bytes bytes = bytes_of("\0\0\0\0\0\0\0\0{"s);
  expect_error(parse_any(source_of(bytes)), ErrorCode::kMalformed, "test: header: must start with '{'");
  expect_error(parse_any({ByteSpan(bytes).first(8), {}, "test"}), ErrorCode::kMalformed,
               "test: not a safetensors, .npy, torch .pt, .gotact or .gotue file");
}

TEST(FileKinds, ATensorFileIsNoResponse) {
  const auto responses = std::ranges::find(file_kinds(), "meta_info", &FileKind::tag);
  ASSERT_NE(responses, file_kinds().end());
  expect_error(responses->read(vector_path("f32.npy")), ErrorCode::kMalformed,
               "f32.npy: no response of SGLang with hidden states");
}

TEST(Container, AGgufModelIsSaidToBeOne) {
  // Of one with 123 tensors the ninth byte is a brace, as in a safetensors file.
  for (const std::string_view start : {std::string_view("GGUF"), std::string_view("GGUF\3\0\0\0{", 9)})
    expect_error(parse_any(source_of(bytes_of(start))), ErrorCode::kUnsupported,
                 "test: a GGUF model, whose tensors are not read here: assay capture --model takes it");
  expect_error(parse_any(source_of(bytes_of("GGU"))), ErrorCode::kMalformed, "test: not a safetensors");
}

}  // namespace
}  // namespace assay::tensor
