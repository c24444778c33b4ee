#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "assay/verifier.h"

namespace assay::claim {
namespace {

namespace fs = std::filesystem;
using encode::Encoding;
using encode::Layout;
using tensor::Dtype;
using ::testing::HasSubstr;

class SubjectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "assay-subject-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }

  fs::path write_integers(const std::vector<std::int64_t>& values, const tensor::Shape& shape,
                          tensor::Storage storage = tensor::Storage::kInt64) {
    const fs::path path = dir_ / "values.npy";
    EXPECT_TRUE(tensor::write_npy(path, IntegerView(values), shape, storage).ok());
    return path;
  }

  /// Two layers (1, 3, 4) of 16-bit patterns, the first counting up from 0, the second down.
  fs::path write_layers(const tensor::Metadata& metadata, Dtype second = Dtype::kBF16) {
    patterns_.assign(2, std::vector<std::int16_t>(12));
    for (std::int16_t i = 0; i < 12; ++i) {
      patterns_[0][static_cast<std::size_t>(i)] = i;
      patterns_[1][static_cast<std::size_t>(i)] = static_cast<std::int16_t>(-32768 + i);
    }
    const std::vector<tensor::TensorView> layers = {view("embedding", Dtype::kBF16, 0),
                                                    view("layer_0", second, 1)};
    const fs::path path = dir_ / "layers.safetensors";
    EXPECT_TRUE(tensor::write_safetensors(path, layers, metadata).ok());
    return path;
  }

  tensor::TensorView view(const std::string& name, Dtype dtype, std::size_t index) {
    return {name,
            dtype,
            {1, 3, 4},
            {reinterpret_cast<const std::uint8_t*>(patterns_[index].data()), 2 * patterns_[index].size()},
            nullptr};
  }

  fs::path dir_;
  std::vector<std::vector<std::int16_t>> patterns_;
};

const tensor::Metadata kCapture = {
    {"format", "assay/capture/v1"},
    {"capture_mode", "decode"},
    {"taps",
     R"([{"name":"embedding","tap":"embedding","block":null},{"name":"layer_0","tap":"residual","block":0}])"}};

template <class T>
void expect_error(const Result<T>& result, ErrorCode code, const std::string& text) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, code);
  EXPECT_THAT(result.error().to_string(), HasSubstr(text));
}

TEST_F(SubjectTest, OneArrayOfIntegersKeepsItsShape) {
  const fs::path path = write_integers({5, -3, 7, 0, 1, -9}, {2, 3});
  const Subject subject = read_subject(path, {}).value();
  EXPECT_EQ(subject.header.layout.kind, Layout::Kind::kFlat);
  EXPECT_EQ(subject.header.layout.axes.to_string(), "2,3");
  EXPECT_EQ(subject.header.encoding, (Encoding{Encoding::Kind::kInt, 0}));
  EXPECT_EQ(subject.header.capture_mode, CaptureMode::kUnknown);
  EXPECT_EQ(subject.values.view()[5].to_signed_decimal(), "-9");

  SubjectOptions options;
  options.axes = Axes::parse("3,2", "").value();
  options.capture_mode = CaptureMode::kPrefill;
  const Subject other = read_subject(path, options).value();
  EXPECT_EQ(other.header.layout.axes.to_string(), "3,2");
  EXPECT_EQ(other.header.capture_mode, CaptureMode::kPrefill);

  options.axes = Axes::parse("4,2", "").value();
  expect_error(read_subject(path, options), ErrorCode::kMismatch, path.string());
  options.layout = Layout::Kind::kCube;
  expect_error(read_subject(path, options), ErrorCode::kMismatch, "chooses its own");
}

TEST_F(SubjectTest, PythonIntegersTakeTheEncodingIntAlone) {
  const fs::path path = write_integers({1, 2}, {2}, tensor::Storage::kObject);
  EXPECT_EQ(read_subject(path, {}).value().values.size(), 2U);
  SubjectOptions options;
  options.encoding = Encoding{Encoding::Kind::kDecimal, 2};
  expect_error(read_subject(path, options), ErrorCode::kUnsupported, "int alone");
}

TEST_F(SubjectTest, ACaptureBringsItsModeAndTaps) {
  const Subject subject = read_subject(write_layers(kCapture), {}).value();
  EXPECT_EQ(subject.header.layout.kind, Layout::Kind::kModel);
  EXPECT_EQ(subject.header.layout.axes.to_string(), "2,3,4");
  EXPECT_EQ(subject.header.encoding.kind, Encoding::Kind::kBits);
  EXPECT_EQ(subject.header.dtype, Dtype::kBF16);
  EXPECT_EQ(subject.header.capture_mode, CaptureMode::kDecode);
  EXPECT_EQ(subject.header.layout.layer_map[0].tap, "embedding");
  EXPECT_EQ(subject.header.layout.layer_map[1].tap, "block:0");
  EXPECT_EQ(subject.values.kind(), IntegerView::Kind::kI16);
  EXPECT_EQ(subject.values.view()[23].to_signed_decimal(), "-32757");
}

TEST_F(SubjectTest, ACaptureNeedNotSayItsMode) {
  const fs::path path = write_layers({{"format", "assay/capture/v1"}});
  EXPECT_EQ(read_subject(path, {})->header.capture_mode, CaptureMode::kUnknown);
  SubjectOptions options;
  options.capture_mode = CaptureMode::kPrefill;
  EXPECT_EQ(read_subject(path, options)->header.capture_mode, CaptureMode::kPrefill);
}

TEST_F(SubjectTest, LayersOfAGotactFileAreThoseBehindTheirBlocks) {
  const fs::path path = fs::path(ASSAY_VECTORS) / "tensor" / "rows.gotact";
  const tensor::TensorFile file = tensor::open(path).value();
  const Subject subject = read_subject(path, {}).value();
  EXPECT_EQ(subject.header.layout.kind, Layout::Kind::kModel);
  ASSERT_EQ(subject.header.layout.layer_map.size(), file.tensors.size());
  for (const encode::LayerEntry& layer : subject.header.layout.layer_map)
    EXPECT_EQ(layer.tap, "block:" + layer.name.substr(std::string_view("layer_").size()));
  SubjectOptions options;
  options.taps[file.tensors[0].name] = "elsewhere";
  options.layout = Layout::Kind::kCube;
  const Subject cube = read_subject(path, options).value();
  EXPECT_EQ(cube.header.layout.kind, Layout::Kind::kCube);
  EXPECT_EQ(cube.header.layout.layer_map[0].tap, "elsewhere");
  // Axes are those of a flat layout.
  options.layout.reset();
  options.axes = Axes::parse(std::to_string(cube.header.layout.real_count), "").value();
  EXPECT_EQ(read_subject(path, options)->header.layout.kind, Layout::Kind::kFlat);
}

TEST_F(SubjectTest, UnknownTapsAreLeftEmpty) {
  tensor::Metadata metadata = kCapture;
  metadata[2].second = R"([{"name":"embedding"},{"name":"layer_0","tap":"unknown","block":0}])";
  const Subject subject = read_subject(write_layers(metadata), {}).value();
  EXPECT_EQ(subject.header.layout.layer_map[0].tap, "");
  EXPECT_EQ(subject.header.layout.layer_map[1].tap, "");
  metadata[2].second = R"([{"name":"embedding"},{"name":"layer_0","tap":"residual","block":null}])";
  EXPECT_EQ(read_subject(write_layers(metadata), {})->header.layout.layer_map[1].tap, "residual");
  metadata[2].second = R"([{"name":"embedding"},{"name":"layer_0","tap":"residual"}])";
  EXPECT_EQ(read_subject(write_layers(metadata), {})->header.layout.layer_map[1].tap, "residual");
  metadata.pop_back();
  EXPECT_TRUE(read_subject(write_layers(metadata), {}).ok());
}

TEST_F(SubjectTest, ACaptureTakesTheLayoutThatIsChosen) {
  const fs::path path = write_layers(kCapture);
  SubjectOptions options;
  options.layout = Layout::Kind::kCube;
  EXPECT_EQ(read_subject(path, options)->header.layout.kind, Layout::Kind::kCube);
  options.layout.reset();
  options.axes = Axes::parse("24", "").value();
  EXPECT_EQ(read_subject(path, options)->header.layout.kind, Layout::Kind::kFlat);
}

// Elsewhere a layer has a name of its own, by which it finds its tap.
TEST_F(SubjectTest, TheTapsOfAListAreThoseOfAllItsLayers) {
  patterns_.assign(2, std::vector<std::int16_t>(12));
  tensor::TensorFile file;
  file.container = tensor::Container::kTorch;
  file.tensors = {view("embedding", Dtype::kBF16, 0), view("layer_0", Dtype::kBF16, 1)};
  file.metadata = kCapture;
  EXPECT_EQ(options_of_capture(file, {}, "own")->taps,
            (Taps{{"embedding", "embedding"}, {"layer_0", "block:0"}}));
  file.metadata[2].second = R"([{"name":"layer_0","tap":"residual","block":0}])";
  expect_error(options_of_capture(file, {}, "own"), ErrorCode::kMismatch,
               "own: taps: of 1 layers, the file has 2");
  file.metadata[2].second = "[]";
  EXPECT_TRUE(options_of_capture(file, {}, "own")->taps.empty());
  file.metadata[2].second = R"([{"name":"layer_0","tap":"residual","block":0}])";
  file.container = tensor::Container::kSafetensors;
  EXPECT_EQ(options_of_capture(file, {}, "own")->taps, (Taps{{"layer_0", "block:0"}}));
}

TEST_F(SubjectTest, RefusesACaptureWhoseMetadataLie) {
  tensor::Metadata metadata = kCapture;
  for (const char* taps : {"{}", "[1]", R"([{"tap":"embedding"}])", "[", R"([{"name":7}])"}) {
    metadata[2].second = taps;
    expect_error(read_subject(write_layers(metadata), {}), ErrorCode::kMalformed, "taps");
  }
  const auto expect_refused = [&](const char* taps, ErrorCode code, const char* place) {
    metadata[2].second = taps;
    expect_error(read_subject(write_layers(metadata), {}), code, place);
  };
  expect_refused(R"([{"name":"layer_0"},{"name":"layer_0","tap":7}])", ErrorCode::kMalformed, "taps[1].tap");
  expect_refused(R"([{"name":"layer_0","tap":"residual","block":"0"}])", ErrorCode::kMalformed,
                 "taps[0].block");
  expect_refused(R"([{"name":"layer_0","tap":"residual","block":-1}])", ErrorCode::kOutOfRange,
                 "taps[0].block");
  metadata = kCapture;
  metadata[1].second = "dreamt";
  expect_error(read_subject(write_layers(metadata), {}), ErrorCode::kMalformed, "dreamt");
  SubjectOptions options;
  options.capture_mode = CaptureMode::kRecompute;
  expect_error(read_subject(write_layers(kCapture), options), ErrorCode::kMismatch, "not recompute");
  options.capture_mode = CaptureMode::kDecode;
  EXPECT_TRUE(read_subject(write_layers(kCapture), options).ok());
}

TEST_F(SubjectTest, RefusesWhatHasNoOneMeaning) {
  expect_error(read_subject(write_layers({}, Dtype::kF16), {}), ErrorCode::kMismatch, "one element type");
  SubjectOptions options;
  options.encoding = Encoding{Encoding::Kind::kInt, 0};
  expect_error(read_subject(write_layers({}), options), ErrorCode::kUnsupported, "layers.safetensors");
  expect_error(read_subject(dir_ / "none.npy", {}), ErrorCode::kIo, "none.npy");
  const fs::path empty = dir_ / "empty.safetensors";
  ASSERT_TRUE(tensor::write_safetensors(empty, {}, {}).ok());
  expect_error(read_subject(empty, {}), ErrorCode::kMalformed, "no array");

  const std::vector<std::int64_t> two{1, 2};
  const tensor::IntegerTensor torn{"torn", {3}, tensor::IntegerArray::borrow(two, nullptr), ""};
  expect_error(make_subject(Arrays{{}, {torn}, true}, {}, "own"), ErrorCode::kMismatch,
               "own: torn: its name, shape or count is not the layout's");

  patterns_.assign(1, std::vector<std::int16_t>(12, 0x7f80));  // infinity as bfloat16
  const fs::path path = dir_ / "infinite.safetensors";
  ASSERT_TRUE(tensor::write_safetensors(path, std::vector{view("layer_0", Dtype::kBF16, 0)}, {}).ok());
  expect_error(read_subject(path, {}), ErrorCode::kOutOfRange, "infinite.safetensors");
}

TEST_F(SubjectTest, CapturedValuesAreReadAsAHeaderSays) {
  const Subject capture = read_subject(write_layers(kCapture), {}).value();
  const Captured same = read_captured(capture.header, dir_ / "layers.safetensors").value();
  EXPECT_EQ(same.fault, "");
  for (std::size_t i = 0; i < same.values.size(); ++i)
    EXPECT_EQ(same.values.view()[i], capture.values.view()[i]);

  const auto fault_of = [&](const std::vector<tensor::TensorView>& views, const Taps& taps = {}) {
    const Result<Captured> captured = captured_like(capture.header, Arrays{views, {}, true}, taps, "own");
    EXPECT_TRUE(captured.ok());
    return captured.ok() ? captured->fault : "refused";
  };
  const tensor::TensorView first = view("embedding", Dtype::kBF16, 0);
  const tensor::TensorView second = view("layer_0", Dtype::kBF16, 1);
  EXPECT_EQ(fault_of({first, second}), "");
  EXPECT_THAT(fault_of({view("embedding", Dtype::kF16, 0), view("layer_0", Dtype::kF16, 1)}),
              HasSubstr("the commitment is to torch.bfloat16"));
  EXPECT_THAT(fault_of({first}), HasSubstr("it has 1 layers, the commitment is to 2"));
  EXPECT_THAT(fault_of({first, view("layer_0", Dtype::kF16, 1)}), HasSubstr("one element type"));
  const Result<Captured> lone = captured_like(capture.header, Arrays{{first}, {}, false}, {}, "own");
  EXPECT_THAT(lone.value().fault, HasSubstr("it has 1 layers, the commitment is to 2"));
  EXPECT_THAT(fault_of({second, first}), HasSubstr("layer 0 is 'layer_0'"));
  EXPECT_THAT(fault_of({first, view("layer_1", Dtype::kBF16, 1)}), HasSubstr("layer 1 is 'layer_1'"));
  tensor::TensorView turned = second;
  turned.shape = {1, 4, 3};
  EXPECT_THAT(fault_of({first, turned}), HasSubstr("another shape"));
  EXPECT_THAT(fault_of({first, second}, {{"layer_0", "block:7"}}), HasSubstr("was taken at 'block:7'"));
  EXPECT_EQ(fault_of({first, second}, {{"layer_0", "block:0"}}), "");
  EXPECT_THAT(fault_of({}), HasSubstr("no array"));

  // What cannot be encoded at all is no verdict.
  patterns_.assign(2, std::vector<std::int16_t>(12, 0x7f80));
  expect_error(
      captured_like(capture.header,
                    Arrays{{view("embedding", Dtype::kBF16, 0), view("layer_0", Dtype::kBF16, 1)}, {}, true},
                    {}, "own"),
      ErrorCode::kOutOfRange, "own");
}

TEST_F(SubjectTest, ALoneArrayWithoutANameTakesThatOfTheOneLayer) {
  Subject single = read_subject(write_integers({1, 2, 3, 4}, {2, 2}), {}).value();
  single.header.layout.layer_map[0].name = "cube";
  const Captured own = read_captured(single.header, dir_ / "values.npy").value();
  EXPECT_EQ(own.fault, "");
  EXPECT_EQ(own.laid_out(single.header.layout).value().size(), 4U);
  // One that has a name keeps it.
  const std::vector<std::int64_t> values{1, 2, 3, 4};
  const tensor::IntegerTensor other{"sphere", {2, 2}, tensor::IntegerArray::borrow(values, nullptr), ""};
  EXPECT_THAT(captured_like(single.header, Arrays{{}, {other}, true}, {}, "own").value().fault,
              HasSubstr("'sphere'"));
  EXPECT_EQ(captured_like(single.header, Arrays{{}, {other}, false}, {}, "own").value().fault, "");
}

TEST_F(SubjectTest, ATensorMadeReadyIsHeldAgainstTheHeaderAsItIs) {
  const Subject capture = read_subject(write_layers(kCapture), {}).value();
  EXPECT_EQ(captured_like(capture.header, capture).fault, "");
  Subject other = capture;
  other.header.encoding = {Encoding::Kind::kDecimal, 3};
  EXPECT_THAT(captured_like(capture.header, other).fault, HasSubstr("encoded as decimal:3"));
  other = capture;
  other.header.dtype = Dtype::kF16;
  EXPECT_THAT(captured_like(capture.header, other).fault, HasSubstr("torch.float16"));
  Header bare = capture.header;
  bare.dtype.reset();
  EXPECT_EQ(captured_like(bare, other).fault, "") << "there is no dtype to differ from";
  other = capture;
  other.header.layout.layer_map[1].tap = "block:9";
  EXPECT_THAT(captured_like(capture.header, other).fault, HasSubstr("'block:9'"));
  other = capture;
  other.header.layout =
      encode::plan_cube(
          std::vector<encode::LayerShape>{{"embedding", {1, 3, 4}, capture.header.layout.layer_map[0].tap},
                                          {"layer_0", {1, 3, 4}, capture.header.layout.layer_map[1].tap}})
          .value();
  EXPECT_THAT(captured_like(capture.header, other).fault, HasSubstr("its layout is not"));
}

}  // namespace
}  // namespace assay::claim
