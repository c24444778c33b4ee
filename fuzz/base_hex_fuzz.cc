// Hexadecimal, base64 and the two readings of a Scalar: what is taken comes out again.
#include <algorithm>

#include "assay/base.h"
#include "assay/integers.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const assay::ByteSpan bytes(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ASSAY_CHECK(
      assay::from_hex(assay::to_hex(bytes), "fuzz").value() == assay::Bytes(bytes.begin(), bytes.end()),
      assay::to_hex(bytes));
  if (const auto read = assay::from_hex(text, "fuzz"); read.ok()) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
    ASSAY_CHECK_EQ(assay::to_hex(*read), lower);
  }
  const std::string text64 = assay::to_base64(bytes);
  ASSAY_CHECK(assay::from_base64(text64, "fuzz").value() == assay::Bytes(bytes.begin(), bytes.end()), text64);
  if (const auto read = assay::from_base64(text, "fuzz"); read.ok())
    ASSAY_CHECK_EQ(assay::to_base64(*read), text);
  if (const auto scalar = assay::Scalar::from_decimal(text, "fuzz"); scalar.ok()) {
    ASSAY_CHECK_EQ(text.starts_with('-') ? scalar->to_signed_decimal() : scalar->to_decimal(), text);
    ASSAY_CHECK(assay::Scalar::from_bytes(scalar->to_bytes(), "fuzz").value() == *scalar, text);
  }
  if (const auto scalar = assay::Scalar::from_bytes(bytes, "fuzz"); scalar.ok()) {
    const std::string decimal = scalar->to_decimal(), signed_decimal = scalar->to_signed_decimal();
    ASSAY_CHECK(std::ranges::equal(scalar->to_bytes(), bytes), decimal);
    ASSAY_CHECK(assay::Scalar::from_decimal(decimal, "fuzz").value() == *scalar, decimal);
    ASSAY_CHECK(assay::Scalar::from_decimal(signed_decimal, "fuzz").value() == *scalar, signed_decimal);
    ASSAY_CHECK(
        assay::Scalar::from_magnitude(scalar->is_negative(), scalar->magnitude().words, "fuzz").value() ==
            *scalar,
        decimal);
  }
  if (const auto axes = assay::Axes::parse(text, "fuzz"); axes.ok()) ASSAY_CHECK_EQ(axes->to_string(), text);
  return 0;
}
