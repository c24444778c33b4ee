// For the tests of this room: vector files, temporary directories, sources made of bytes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "tensor/load.h"
#include "tensor/source.h"

namespace assay::tensor {

inline std::filesystem::path vector_path(const std::string& name) {
  return std::filesystem::path(ASSAY_VECTORS) / "tensor" / name;
}

inline Bytes vector_bytes(const std::string& name) {
  return read_file(vector_path(name), std::uint64_t{1} << 24).value();
}

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// A source that owns its bytes, so that views outlive the call.
inline Source source_of(Bytes bytes) {
  auto owned = std::make_shared<const Bytes>(std::move(bytes));
  const ByteSpan span = *owned;
  return Source{span, std::move(owned), "test"};
}

/// A directory of the test's own, gone with the object.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "assay_tensor_XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The values as signed decimals.
inline std::vector<std::string> decimals(const IntegerView& values) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < values.size(); ++i) texts.push_back(values[i].to_signed_decimal());
  return texts;
}

/// EXPECTs a failure with this code whose text has this part.
template <class T>
void expect_error(const Result<T>& result, ErrorCode code, const std::string& part) {
  ASSERT_FALSE(result.ok()) << "accepted; expected: " << part;
  EXPECT_EQ(result.error().code, code) << result.error().to_string();
  EXPECT_THAT(result.error().to_string(), testing::HasSubstr(part));
}

/// Every view must lie in its bytes and have the size of its shape; reading all of it must be safe.
inline void expect_consistent(const TensorFile& file) {
  std::uint64_t sum = 0;
  for (const TensorView& tensor : file.tensors) {
    const auto count = element_count(tensor.shape, tensor.name);
    ASSERT_TRUE(count.ok());
    ASSERT_EQ(*count * size_of(tensor.dtype), tensor.bytes.size());
    for (const std::uint8_t byte : tensor.bytes) sum += byte;
  }
  for (const IntegerTensor& tensor : file.integer_tensors) {
    ASSERT_EQ(element_count(tensor.shape, tensor.name).value(), tensor.values.size());
    sum += decimals(tensor.values.view()).size();
  }
  EXPECT_GE(sum + 1, 1u);
}

/// Feeds every truncation and every change of one byte; truncations must be refused.
template <class Parse>
void batter(const Bytes& bytes, Parse parse) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto result =
        parse(source_of(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))));
    EXPECT_FALSE(result.ok()) << "truncated to " << size;
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int mask : {0x01, 0x02, 0x10, 0x80, 0xff}) {
      Bytes changed = bytes;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ mask);
      const auto result = parse(source_of(std::move(changed)));
      if (result.ok()) expect_consistent(*result);
    }
  }
}

}  // namespace assay::tensor
