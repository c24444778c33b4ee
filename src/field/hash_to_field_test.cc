#include "field/hash_to_field.h"

#include <gtest/gtest.h>

#include <string>

namespace assay {
namespace {

ByteSpan bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string expanded(std::string_view message, std::string_view tag, std::size_t size) {
  Bytes out(size);
  expand_message_xmd(bytes_of(message), bytes_of(tag), out);
  return to_hex(out);
}

// RFC 9380, appendix K.1.
TEST(ExpandMessage, GivesThePublishedBytes) {
  constexpr std::string_view kTag = "QUUX-V01-CS02-with-expander-SHA256-128";
  const std::string q128 = "q128_" + std::string(128, 'q'), a512 = "a512_" + std::string(512, 'a');
  EXPECT_EQ(expanded("", kTag, 32), "68a985b87eb6b46952128911f2a4412bbc302a9d759667f87f7a21d803f07235");
  EXPECT_EQ(expanded("abc", kTag, 32), "d8ccab23b5985ccea865c6c97b6e5b8350e794e603b4b97902f53a8a0d605615");
  EXPECT_EQ(expanded("abcdef0123456789", kTag, 32),
            "eff31487c770a893cfb36f912fbfcbff40d5661771ca4b2cb4eafe524333f5c1");
  EXPECT_EQ(expanded(q128, kTag, 32), "b23a1d2b4d97b2ef7785562a7e8bac7eed54ed6e97e29aa51bfe3f12ddad1ff9");
  EXPECT_EQ(expanded(a512, kTag, 32), "4623227bcc01293b8c130bf771da8c298dede7383243dc0993d2d94823958c4c");
  EXPECT_EQ(expanded("", kTag, 128),
            "af84c27ccfd45d41914fdff5df25293e221afc53d8ad2ac06d5e3e29485dadbee0d121587713a3e0dd4d5e69e93eb7cd"
            "4f5df4cd103e188cf60cb02edc3edf18eda8576c412b18ffb658e3dd6ec849469b979d444cf7b26911a08e63cf31f9dc"
            "c541708d3491184472c2c29bb749d4286b004ceb5ee6b9a7fa5b646c993f0ced");
  EXPECT_EQ(expanded("abc", kTag, 128),
            "abba86a6129e366fc877aab32fc4ffc70120d8996c88aee2fe4b32d6c7b6437a647e6c3163d40b76a73cf6a5674ef1d8"
            "90f95b664ee0afa5359a5c4e07985635bbecbac65d747d3d2da7ec2b8221b17b0ca9dc8a1ac1c07ea6a1e60583e2cb00"
            "058e77b7b72a298425cd1b941ad4ec65e8afc50303a22c0f99b0509b4c895f40");
  EXPECT_EQ(expanded("abcdef0123456789", kTag, 128),
            "ef904a29bffc4cf9ee82832451c946ac3c8f8058ae97d8d629831a74c6572bd9ebd0df635cd1f208e2038e760c499498"
            "4ce73f0d55ea9f22af83ba4734569d4bc95e18350f740c07eef653cbb9f87910d833751825f0ebefa1abe5420bb52be1"
            "4cf489b37fe1a72f7de2d10be453b2c9d9eb20c7e3f6edc5a60629178d9478df");
  EXPECT_EQ(expanded(q128, kTag, 128),
            "80be107d0884f0d881bb460322f0443d38bd222db8bd0b0a5312a6fedb49c1bbd88fd75d8b9a09486c60123dfa1d73c1"
            "cc3169761b17476d3c6b7cbbd727acd0e2c942f4dd96ae3da5de368d26b32286e32de7e5a8cb2949f866a0b80c58116b"
            "29fa7fabb3ea7d520ee603e0c25bcaf0b9a5e92ec6a1fe4e0391d1cdbce8c68a");
  EXPECT_EQ(expanded(a512, kTag, 128),
            "546aff5444b5b79aa6148bd81728704c32decb73a3ba76e9e75885cad9def1d06d6792f8a7d12794e90efed817d96920"
            "d728896a4510864370c207f99bd4a608ea121700ef01ed879745ee3e4ceef777eda6d9e5e38b90c86ea6fb0b36504ba4"
            "a45d22e86f6db5dd43d98a294bebb9125d5b794e9d2a81181066eb954966a487");
}

// Appendix K.2.
TEST(ExpandMessage, HashesALongTag) {
  const std::string tag = "QUUX-V01-CS02-with-expander-SHA256-128-long-DST-" + std::string(208, '1');
  EXPECT_EQ(expanded("", tag, 32), "e8dc0c8b686b7ef2074086fbdd2f30e3f8bfbd3bdf177f73f04b97ce618a3ed3");
  EXPECT_EQ(expanded("abc", tag, 32), "52dbf4f36cf560fca57dedec2ad924ee9c266341d8f3d6afe5171733b16bbb12");
  EXPECT_EQ(expanded("abcdef0123456789", tag, 32),
            "35387dcf22618f3728e6c686490f8b431f76550b0b2c61cbc1ce7001536f4521");
  // By a program of the definition in Python: the longest tag that is taken as it is.
  EXPECT_EQ(expanded("abc", std::string_view(tag).substr(0, 255), 32),
            "7d4f09fb541461629d1026096f38960691a4e952562ef72b31d9bf69b78e3e2b");
}

// By a program of the definition in Python.
TEST(HashToField, ReadsFortyEightBytesMostSignificantFirst) {
  const auto decimal = [](std::string_view text) {
    return hash_to_field(bytes_of(text), bytes_of("assay/field/test")).to_scalar().to_decimal();
  };
  EXPECT_EQ(decimal(""), "21569190220173809532623153366914143262247504912694228138052140263609092619270");
  EXPECT_EQ(decimal("abc"), "15481450456493387964729764298061834237510951109735230094597749259168230075436");
}

TEST(HashToField, TakesManyRowsAsItTakesEach) {
  for (const std::size_t size : {1U, 32U, 100U})
    for (const std::size_t count : {1U, 5U, 256U, 300U}) {
      Bytes rows(size * count);
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint8_t>(i * i >> 3);
      std::vector<Fr> all(count);
      hash_rows_to_field(rows, size, bytes_of("assay/field/test"), all);
      for (std::size_t i = 0; i < count; ++i)
        EXPECT_EQ(all[i], hash_to_field(ByteSpan(rows).subspan(i * size, size), bytes_of("assay/field/test")))
            << size << " bytes, row " << i << " of " << count;
    }
}

}  // namespace
}  // namespace assay
