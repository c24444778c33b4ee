#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "pipeline/directory_json.h"
#include "pipeline/results.h"
#include "tensor/test_support.h"

namespace assay::pipeline {
namespace {

namespace fs = std::filesystem;
using tensor::decimals;
using tensor::expect_error;
using tensor::TempDir;
using tensor::vector_bytes;
using tensor::vector_path;

Json json_of(const fs::path& path) {
  const Bytes bytes = read_file(path, 1 << 20).value();
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string()).value();
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// The directories of the original scripts, in a place of the test's own.
void copy_seed_directory(const std::string& name, const fs::path& to) { fs::copy(vector_path(name), to); }

ConvertOptions seed_options(const fs::path& dir) {
  ConvertOptions options;
  options.output_dir = dir;
  options.scale_factor = 16;
  options.quantize_pct = 50;
  return options;
}

TEST(Convert, WritesWhatTheOriginalScriptWrites) {
  const TempDir dir;
  for (const bool object_storage : {false, true}) {
    ConvertOptions options = seed_options(dir / (object_storage ? "object" : "compact"));
    options.object_storage = object_storage;
    const fs::path out = convert(vector_path("tiny_activations.pt"), options).value();
    Json ours = json_of(out / "conversion_metadata.json");
    const Json seeds = json_of(vector_path("seed_int_activations") / "conversion_metadata.json");
    EXPECT_EQ(ours["conversion"]["storage"], object_storage ? "object" : "int64");
    EXPECT_EQ(ours["conversion"]["encoding"], "decimal:8");
    // Without what is ours alone, the original's fields, in their order, with their values.
    ours["conversion"].erase("storage");
    ours["conversion"].erase("encoding");
    for (Json& layer : ours["layers"]) layer.erase("storage");
    EXPECT_EQ(ours, seeds);
    EXPECT_EQ(keys_of(ours["layers"][0]), keys_of(seeds["layers"][0]));

    const Conversion mine = read_conversion(out).value();
    const Conversion theirs = read_conversion(vector_path("seed_int_activations")).value();
    ASSERT_EQ(mine.layers.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(mine.layers[i].name, theirs.layers[i].name);
      EXPECT_EQ(mine.layers[i].original_shape, theirs.layers[i].original_shape);
      EXPECT_EQ(decimals(mine.layers[i].values.view()), decimals(theirs.layers[i].values.view()));
    }
    EXPECT_EQ(theirs.encoding, (encode::Encoding{encode::Encoding::Kind::kDecimal, 8}));
    EXPECT_EQ(theirs.storage, tensor::Storage::kObject);
    EXPECT_EQ(mine.storage, object_storage ? tensor::Storage::kObject : tensor::Storage::kInt64);
    EXPECT_EQ(mine.prompt, "Hello world");
  }
}

TEST(Convert, DefaultsKeepEveryDigit) {
  const TempDir dir;
  fs::copy(vector_path("tiny_activations.pt"), dir / "tiny_activations.pt");
  const fs::path out = convert(dir / "tiny_activations.pt", {}).value();
  EXPECT_EQ(out, dir / "tiny_int_activations");
  const Conversion conversion = read_conversion(out).value();
  EXPECT_EQ(conversion.encoding, (encode::Encoding{encode::Encoding::Kind::kDecimal, 32}));
  EXPECT_EQ(conversion.storage, tensor::Storage::kScalar32);
  const Json json = json_of(out / "conversion_metadata.json");
  EXPECT_EQ(json_decimal(json["layers"][0]["sample_converted"], "x").value(),
            "4247999936342239379882812500000");
  EXPECT_EQ(json["layers"][0]["storage"], "scalar32");
  // f16 and bf16 default to 16.
  ConvertOptions options;
  options.output_dir = dir / "bf16";
  EXPECT_EQ(
      read_conversion(convert(vector_path("bf16_activations.pt"), options).value()).value().encoding.scale,
      16u);
}

TEST(Convert, TheOwnerOfAModelIsInTheDirectorysName) {
  const TempDir dir;
  const auto directory_of = [&](const std::string& file) {
    fs::copy(vector_path("tiny_activations.pt"), dir / file, fs::copy_options::overwrite_existing);
    return convert(dir / file, {}).value().filename().string();
  };
  // The model is sshleifer/tiny-gpt2.
  EXPECT_EQ(directory_of("sshleifer_tiny-gpt2_activations.pt"), "sshleifer_tiny-gpt2_int_activations");
  EXPECT_EQ(directory_of("tiny-gpt2_activations.pt"), "sshleifer_tiny-gpt2_int_activations");
  // A file with a name of its own keeps it, so that two captures of a model do not meet.
  EXPECT_EQ(directory_of("first_activations.pt"), "first_int_activations");
}

TEST(Convert, BitsKeepThePatterns) {
  const TempDir dir;
  ConvertOptions options;
  options.output_dir = dir / "bits";
  options.encoding = encode::Encoding::Kind::kBits;
  const Conversion conversion =
      read_conversion(convert(vector_path("bf16_activations.pt"), options).value()).value();
  EXPECT_EQ(conversion.encoding, (encode::Encoding{encode::Encoding::Kind::kBits, 0}));
  EXPECT_EQ(conversion.scale_factor, 0u);
  const auto value = conversion.layers[0].values.view()[1];
  const tensor::TensorFile file = tensor::open(vector_path("bf16_activations.pt")).value();
  EXPECT_EQ(value, Scalar::from_i64(tensor::load_at<std::int16_t>(file.layers()[0].bytes, 2)));
}

TEST(Convert, NamesFilesSafely) {
  const TempDir dir;
  const std::vector<float> data = {1, -2};
  const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(data.data()), 8);
  const auto names = [&](const std::string& name) {
    const std::vector<tensor::TensorView> tensors = {{"model.h0", tensor::Dtype::kF32, {2}, bytes, {}},
                                                     {name, tensor::Dtype::kF32, {2}, bytes, {}}};
    EXPECT_TRUE(write_safetensors(dir / "in.safetensors", tensors, {}).ok());
    const Conversion conversion = read_conversion(convert(dir / "in.safetensors", {}).value()).value();
    EXPECT_EQ(conversion.layers[1].name, name);
    return conversion.layers[0].npy_file + " " + conversion.layers[1].npy_file;
  };
  EXPECT_EQ(names("model.h1"), "model.h0.npy model.h1.npy");
  EXPECT_EQ(names("../h1"), "tensor_0.npy tensor_1.npy");
  for (const std::string& other :
       {std::string(".h1"), std::string("a:"), std::string("a/"), std::string("a@"), std::string("a["),
        std::string("a`"), std::string("a{"), std::string("a\u00e4"), std::string(201, 'n')})
    EXPECT_EQ(names(other), "tensor_0.npy tensor_1.npy") << other;
  for (const std::string& plain : {std::string("0"), std::string("09AZaz_-."), std::string(200, 'n')})
    EXPECT_EQ(names(plain), "model.h0.npy " + plain + ".npy");
  EXPECT_TRUE(fs::exists(dir / "in_int_activations"));
}

TEST(Convert, RefusesAndLeavesNothing) {
  const TempDir dir;
  const auto refuse = [&](const fs::path& input, const ConvertOptions& options, ErrorCode code,
                          const std::string& part) {
    expect_error(convert(input, options), code, part);
    EXPECT_FALSE(fs::exists(options.output_dir));
  };
  ConvertOptions options = seed_options(dir / "out");
  refuse(vector_path("lone.pt"), options, ErrorCode::kMalformed, "no hidden_states");
  refuse(vector_path("no such file"), options, ErrorCode::kIo, "");
  refuse(vector_path("shapes.pt"), options, ErrorCode::kOutOfRange, "empty layer");
  options.quantize_pct = 101;
  refuse(vector_path("tiny_activations.pt"), options, ErrorCode::kOutOfRange, "percentage");
  options = seed_options(dir / "out");
  options.encoding = encode::Encoding::Kind::kInt;
  refuse(vector_path("tiny_activations.pt"), options, ErrorCode::kUnsupported, "int takes no floats");

  // The second layer holds an infinity: the first, already written under its temporary name, must go.
  const std::vector<float> data = {1, -2, std::numeric_limits<float>::infinity()};
  const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(data.data()), 12);
  const std::uint16_t half = 0x3c00;
  const ByteSpan half_bytes(reinterpret_cast<const std::uint8_t*>(&half), 2);
  const std::vector<tensor::TensorView> infinite = {{"a", tensor::Dtype::kF32, {2}, bytes.first(8), {}},
                                                    {"b", tensor::Dtype::kF32, {3}, bytes, {}}};
  ASSERT_TRUE(write_safetensors(dir / "in.safetensors", infinite, {}).ok());
  refuse(dir / "in.safetensors", seed_options(dir / "out"), ErrorCode::kOutOfRange, "b: value 2");
  const std::vector<tensor::TensorView> mixed = {{"a", tensor::Dtype::kF32, {2}, bytes.first(8), {}},
                                                 {"b", tensor::Dtype::kF16, {1}, half_bytes, {}}};
  ASSERT_TRUE(write_safetensors(dir / "mixed.safetensors", mixed, {}).ok());
  options = {};
  options.output_dir = dir / "out";
  refuse(dir / "mixed.safetensors", options, ErrorCode::kMismatch, "give a scale factor");
  std::vector<tensor::TensorView> many;
  for (int i = 0; i < 513; ++i) many.push_back({std::to_string(i), tensor::Dtype::kF16, {1}, half_bytes, {}});
  ASSERT_TRUE(write_safetensors(dir / "many.safetensors", many, {}).ok());
  refuse(dir / "many.safetensors", options, ErrorCode::kTooLarge, "512");
  const std::vector<tensor::TensorView> named = {
      {std::string(255, 'n'), tensor::Dtype::kF16, {1}, half_bytes, {}},
      {std::string(256, 'm'), tensor::Dtype::kF16, {1}, half_bytes, {}}};
  ASSERT_TRUE(write_safetensors(dir / "named.safetensors", named, {}).ok());
  refuse(dir / "named.safetensors", options, ErrorCode::kTooLarge, "256 bytes, at most 255 are taken: 'mm");
  ASSERT_TRUE(write_safetensors(dir / "named.safetensors", std::span(named).first(1), {}).ok());
  EXPECT_TRUE(read_conversion(convert(dir / "named.safetensors", {}).value()).ok());
  // A file stands where the directory should be.
  options.output_dir = dir / "in.safetensors";
  expect_error(convert(vector_path("tiny_activations.pt"), options), ErrorCode::kIo, "in.safetensors");
}

TEST(Convert, ADirectoryHasUpTo512Layers) {
  const TempDir dir;
  const std::uint16_t one = 0x3c00;
  const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(&one), 2);
  std::vector<tensor::TensorView> layers;
  for (std::size_t i = 0; i < kMaxDirectoryLayers; ++i)
    layers.push_back({std::to_string(i), tensor::Dtype::kF16, {1}, bytes, {}});
  ASSERT_TRUE(write_safetensors(dir / "in.safetensors", layers, {}).ok());
  const Result<fs::path> out = convert(dir / "in.safetensors", {});
  ASSERT_TRUE(out.ok()) << out.error().to_string();
  EXPECT_EQ(read_conversion(*out)->layers.size(), kMaxDirectoryLayers);
}

TEST(Reshape, TheOriginalExampleEndToEnd) {
  const TempDir dir;
  const fs::path layers = convert(vector_path("tiny_activations.pt"), seed_options(dir / "layers")).value();
  const fs::path out = reshape(layers, {}).value();
  EXPECT_EQ(out, dir / "layers_hypercube");
  const Hypercube cube = read_hypercube(out).value();
  EXPECT_EQ(cube.layout.axes.to_string(), "4,4,4");
  EXPECT_EQ(cube.model_name, "sshleifer/tiny-gpt2");
  EXPECT_EQ(cube.encoding, (encode::Encoding{encode::Encoding::Kind::kDecimal, 8}));
  EXPECT_EQ(cube.layout.pad_seed, 42u);

  const Hypercube seeds = read_hypercube(vector_path("seed_int_activations_hypercube")).value();
  EXPECT_EQ(cube.layout.layer_map, seeds.layout.layer_map);
  const auto mine = decimals(cube.values.view());
  const auto theirs = decimals(seeds.values.view());
  EXPECT_TRUE(std::equal(mine.begin(), mine.begin() + 60, theirs.begin()));

  const Json json = json_of(out / "hypercube_metadata.json");
  EXPECT_EQ(json["hypercube"]["dimensions"], Json::array({4, 4, 4}));
  EXPECT_EQ(json["hypercube"]["total_real_elements"], 60);
  EXPECT_EQ(json["hypercube"]["sparsity_pct"], 6.25);
  EXPECT_EQ(json["hypercube"]["padding_elements"], 4);
  EXPECT_EQ(json["layer_map"][1]["flat_offset"], 20);
  EXPECT_EQ(json["conversion_metadata"], json_of(layers / "conversion_metadata.json"));
  // And the fields of the original that nothing here reads.
  EXPECT_EQ(json["conversion_params"], json["conversion_metadata"]["conversion"]);
  EXPECT_EQ(json["model_name"], "sshleifer/tiny-gpt2");
  EXPECT_EQ(json["source_dir"], fs::absolute(layers).string());
  EXPECT_EQ(json["hypercube"]["product"], 64);
  EXPECT_EQ(json["hypercube"]["dim_range"], Json::array({4, 10}));
  EXPECT_EQ(json["recovery"]["is_padding"], "flat_index >= 60");

  // From the original's own layers the same cube comes.
  ReshapeOptions options;
  options.output_dir = dir / "again";
  options.object_storage = true;
  const fs::path again = reshape(vector_path("seed_int_activations"), options).value();
  EXPECT_EQ(decimals(read_hypercube(again).value().values.view()), mine);
  EXPECT_EQ(json_of(again / "hypercube_metadata.json")["hypercube"]["storage"], "object");
  options.cube.num_dims = 2;
  EXPECT_EQ(read_hypercube(reshape(layers, options).value()).value().layout.axes.to_string(), "8,8");
  options.cube.num_dims = 1;
  expect_error(reshape(layers, options), ErrorCode::kOutOfRange, "no cube");
  EXPECT_EQ(reshape(layers.string() + "/", {}).value(), dir / "layers_hypercube");
}

TEST(Reshape, KeepsScalars) {
  const TempDir dir;
  ConvertOptions options;
  options.output_dir = dir / "wide";
  const fs::path layers = convert(vector_path("tiny_activations.pt"), options).value();
  const fs::path out = reshape(layers, {}).value();
  const Hypercube cube = read_hypercube(out).value();
  EXPECT_EQ(cube.values.kind(), IntegerView::Kind::kScalar);
  EXPECT_EQ(cube.values.view()[0].to_signed_decimal(), "4247999936342239379882812500000");
  EXPECT_EQ(tensor::open(out / "hypercube.npy").value().tensors[0].shape, (tensor::Shape{4, 4, 4, 32}));
}

// Changes one field of a JSON file and expects the reader's refusal.
template <class Read>
void expect_refusal(const std::string& seed, const std::string& file, Read read,
                    const std::function<void(Json&)>& change, ErrorCode code, const std::string& part) {
  const TempDir dir;
  copy_seed_directory(seed, dir / "x");
  Json json = json_of(dir / "x" / file);
  change(json);
  ASSERT_TRUE(write_file(dir / "x" / file, dump_json(json)).ok());
  expect_error(read(dir / "x"), code, part);
}

TEST(ReadConversion, ChecksMetadataAgainstArrays) {
  const auto refuse = [](const std::function<void(Json&)>& change, ErrorCode code, const std::string& part) {
    expect_refusal("seed_int_activations", "conversion_metadata.json", read_conversion, change, code, part);
  };
  const auto layer = [](auto change) { return [change](Json& json) { change(json["layers"][1]); }; };
  const auto scaling = [](auto change) { return [change](Json& json) { change(json["conversion"]); }; };
  refuse(layer([](Json& j) { j["original_shape"] = {1, 2, 10}; }), ErrorCode::kMismatch, "original_shape");
  refuse(layer([](Json& j) {
           j["original_shape"] = {1, -2, 10};
         }),
         ErrorCode::kOutOfRange, "original_shape[1]");
  refuse(layer([](Json& j) { j["original_shape"] = "x"; }), ErrorCode::kMalformed,
         "an array is expected here");
  refuse(layer([](Json& j) { j["num_elements"] = 21; }), ErrorCode::kMismatch, "volume of original_shape");
  refuse(layer([](Json& j) { j["num_elements"] = -1; }), ErrorCode::kOutOfRange, "integer from 0");
  refuse(layer([](Json& j) { j["original_dtype"] = "float32"; }), ErrorCode::kUnsupported, "no element type");
  refuse(layer([](Json& j) { j["original_dtype"] = "torch.int8"; }), ErrorCode::kUnsupported, "use int");
  for (const char* path :
       {"../embedding.npy", "/embedding.npy", "sub/../../embedding.npy", "sub\\embedding.npy"})
    refuse(layer([&](Json& j) { j["npy_file"] = path; }), ErrorCode::kMalformed, "plain file name");
  refuse(layer([](Json& j) { j["npy_file"] = ""; }), ErrorCode::kMalformed, "plain file name");
  refuse(layer([](Json& j) { j["npy_file"] = ".layer_0.npy"; }), ErrorCode::kMalformed, "plain file name");
  refuse(layer([](Json& j) { j["npy_file"] = "\u00e9.npy"; }), ErrorCode::kMalformed, "printable ASCII");
  refuse(layer([](Json& j) { j["npy_file"] = "a\x7f.npy"; }), ErrorCode::kMalformed, "printable ASCII");
  refuse(layer([](Json& j) { j["npy_file"] = "gone.npy"; }), ErrorCode::kIo, "gone.npy");
  refuse(layer([](Json& j) { j["npy_file"] = 3; }), ErrorCode::kMalformed,
         "layers[1].npy_file: a text is expected here");
  refuse(layer([](Json& j) { j.erase("npy_file"); }), ErrorCode::kMalformed, "missing");
  refuse(layer([](Json& j) { j["sample_converted"] = 1; }), ErrorCode::kMismatch, "first value");
  refuse(layer([](Json& j) { j["sample_converted"] = 1.5; }), ErrorCode::kMalformed, "integer");
  refuse(layer([](Json& j) { j["storage"] = "scalar32"; }), ErrorCode::kMismatch, "Python integers");
  refuse(layer([](Json& j) { j["storage"] = "int32"; }), ErrorCode::kMalformed, "int64, scalar32 or object");
  refuse(scaling([](Json& j) { j["effective_scale"] = 9; }), ErrorCode::kMismatch, "truncated_digits");
  refuse(scaling([](Json& j) { j["scale_factor"] = 300; }), ErrorCode::kOutOfRange,
         "is 300, at most 200 digits are kept");
  refuse(scaling([](Json& j) { j["scale_factor"] = 7, j["truncated_digits"] = UINT64_MAX; }),
         ErrorCode::kMismatch, "truncated_digits");
  refuse(scaling([](Json& j) { j["quantize_pct"] = "50"; }), ErrorCode::kMalformed,
         "conversion.quantize_pct: a number is expected here");
  refuse(scaling([](Json& j) { j["encoding"] = "decimal:9"; }), ErrorCode::kMismatch, "another scale");
  refuse(scaling([](Json& j) { j["encoding"] = "hex"; }), ErrorCode::kMalformed, "int, bits or decimal");
  refuse([](Json& j) { j["layers"] = Json::array(); }, ErrorCode::kOutOfRange, "1 to 512");
  refuse([](Json& j) { j["layers"] = 1; }, ErrorCode::kMalformed, "layers: an array is expected here");
  refuse([](Json& j) { j["layers"] = {1}; }, ErrorCode::kMalformed, "layers[0]");
  refuse([](Json& j) { j.erase("conversion"); }, ErrorCode::kMalformed, "missing");
  refuse([](Json& j) { j = Json::array(); }, ErrorCode::kMalformed, "an object is expected here");
  const TempDir empty;
  expect_error(read_conversion(empty.path()), ErrorCode::kIo, "conversion_metadata.json: is not there");
}

TEST(ReadConversion, TakesTheLargestScaleFactor) {
  const TempDir dir;
  ConvertOptions options;
  options.output_dir = dir / "x";
  options.scale_factor = 200;
  options.quantize_pct = 96;
  const fs::path out = convert(vector_path("tiny_activations.pt"), options).value();
  const Result<Conversion> read = read_conversion(out);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->scale_factor, 200u);
  EXPECT_EQ(read->encoding, (encode::Encoding{encode::Encoding::Kind::kDecimal, 8}));
  // A larger one is refused, though the difference is right.
  Json json = json_of(out / "conversion_metadata.json");
  json["conversion"]["scale_factor"] = 201;
  json["conversion"]["truncated_digits"] = 193;
  ASSERT_TRUE(write_file(out / "conversion_metadata.json", dump_json(json)).ok());
  expect_error(read_conversion(out), ErrorCode::kOutOfRange,
               "conversion_metadata.json: conversion.scale_factor: is 201, at most 200 digits are kept");
}

/// A directory of the original's layers without their metadata.
fs::path layers_alone(const fs::path& dir) {
  copy_seed_directory("seed_int_activations", dir);
  fs::remove(dir / kConversionJson);
  return dir;
}

TEST(Undescribed, LayersStandInTheOriginalsOrder) {
  const TempDir dir;
  const fs::path layers = layers_alone(dir / "x");
  // By number and not by letter; other names behind them.
  for (const char* const name : {"layer_10.npy", "layer_2.npy", "a.npy", "layer_x.npy", ".hidden.npy"})
    fs::copy(layers / "layer_1.npy", layers / name);
  ASSERT_TRUE(write_file(layers / "notes.txt", "no array").ok());
  const Conversion read = read_conversion(layers).value();
  std::vector<std::string> names;
  for (const ConversionLayer& layer : read.layers) names.push_back(layer.name);
  EXPECT_EQ(names, (std::vector<std::string>{"embedding", "layer_0", "layer_1", "layer_2", "layer_10", "a",
                                             "layer_x"}));
  EXPECT_EQ(read.layers[0].original_shape, (tensor::Shape{1, 10, 2}));
  EXPECT_EQ(read.encoding, encode::Encoding{});
}

TEST(Undescribed, ALayersNumberEndsItsName) {
  const TempDir dir;
  const fs::path layers = layers_alone(dir / "x");
  for (const char* const name : {"layer_0b.npy", "layer_2.npy"})
    fs::copy(layers / "layer_1.npy", layers / name);
  const Conversion read = read_conversion(layers).value();
  std::vector<std::string> names;
  for (const ConversionLayer& layer : read.layers) names.push_back(layer.name);
  EXPECT_EQ(names, (std::vector<std::string>{"embedding", "layer_0", "layer_1", "layer_2", "layer_0b"}));
}

TEST(Undescribed, LayersHaveNamesInUtf8) {
  const TempDir dir;
  const fs::path layers = layers_alone(dir / "x");
  fs::copy(layers / "layer_1.npy", layers / "layer_\xff.npy");
  const Result<Conversion> read = read_conversion(layers);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(read.error().reason, "its name, which names a layer, is not UTF-8");
}

TEST(Undescribed, ADirectoryHasUpTo512Layers) {
  const TempDir dir;
  const fs::path layers = dir / "x";
  fs::create_directory(layers);
  const fs::path one = layers_alone(dir / "y") / "layer_1.npy";
  for (std::size_t i = 0; i < kMaxDirectoryLayers; ++i)
    fs::copy(one, layers / ("layer_" + std::to_string(i) + ".npy"));
  const Result<Conversion> read = read_conversion(layers);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->layers.size(), kMaxDirectoryLayers);
  fs::copy(one, layers / "layer_512.npy");
  expect_error(read_conversion(layers), ErrorCode::kTooLarge, "over 512 arrays for one directory");
}

TEST(Undescribed, LayersMakeACubeOfIntegers) {
  const TempDir dir;
  const fs::path out = reshape(layers_alone(dir / "x"), {}).value();
  const Json json = json_of(out / std::string(kHypercubeJson));
  EXPECT_EQ(json["conversion_params"], Json::object());
  EXPECT_EQ(json["model_name"], "unknown");
  EXPECT_FALSE(json.contains("conversion_metadata"));
  const Hypercube cube = read_hypercube(out).value();
  EXPECT_EQ(cube.encoding, std::nullopt);
  const Hypercube described = read_hypercube(vector_path("seed_int_activations_hypercube")).value();
  EXPECT_EQ(cube.layout.layer_map, described.layout.layer_map);
  EXPECT_EQ(decimals(cube.values.view())[59], decimals(described.values.view())[59]);
}

TEST(Undescribed, ACubeIsOneArray) {
  const TempDir dir;
  copy_seed_directory("seed_int_activations_hypercube", dir / "x");
  const Hypercube described = read_hypercube(dir / "x").value();
  fs::remove(dir / "x" / std::string(kHypercubeJson));
  const Hypercube cube = read_hypercube(dir / "x").value();
  EXPECT_EQ(decimals(cube.values.view()), decimals(described.values.view()));
  EXPECT_EQ(cube.encoding, std::nullopt);
  EXPECT_EQ(cube.layout.kind, encode::Layout::Kind::kFlat);
  EXPECT_EQ(cube.layout.axes.to_string(), "4,4,4");
  ASSERT_EQ(cube.layout.layer_map.size(), 1U);
  EXPECT_EQ(cube.layout.padding(), 0U);
  fs::remove(dir / "x" / std::string(kHypercubeNpy));
  expect_error(read_hypercube(dir / "x"), ErrorCode::kIo, "hypercube_metadata.json");
}

TEST(Undescribed, WideIntegersOfOursAreNotGuessed) {
  const TempDir dir;
  ConvertOptions options;
  options.output_dir = dir / "wide";
  const fs::path layers = convert(vector_path("tiny_activations.pt"), options).value();
  const fs::path cube = reshape(layers, {}).value();
  fs::remove(layers / kConversionJson);
  fs::remove(cube / kHypercubeJson);
  expect_error(read_conversion(layers), ErrorCode::kUnsupported, "integers of 32 bytes");
  expect_error(read_hypercube(cube), ErrorCode::kUnsupported, "hypercube.npy: single bytes");
}

/// An .npy file of zeros, also of types that are read and never written.
void write_zeros(const fs::path& path, tensor::Dtype dtype, const tensor::Shape& shape) {
  const std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}\n",
                  tensor::numpy_descr(dtype), fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  Bytes file = tensor::bytes_of("\x93NUMPY\x01");
  file.push_back(0);
  tensor::append(file, static_cast<std::uint16_t>(header.size()));
  file.insert(file.end(), header.begin(), header.end());
  file.resize(file.size() + tensor::element_count(shape, "test").value() * tensor::size_of(dtype));
  ASSERT_TRUE(write_file(path, ByteSpan(file)).ok());
}

TEST(Undescribed, SingleBytesAreTakenWhereTheyAreNoRowsOf32) {
  const TempDir dir;
  for (const tensor::Shape& shape : {tensor::Shape{31}, tensor::Shape{32, 3}, tensor::Shape{33}}) {
    write_zeros(dir / "a.npy", tensor::Dtype::kU8, shape);
    const Result<Conversion> read = read_conversion(dir.path());
    ASSERT_TRUE(read.ok()) << read.error().to_string();
    EXPECT_EQ(read->layers.at(0).original_shape, shape);
  }
  write_zeros(dir / "a.npy", tensor::Dtype::kU8, {3, 32});
  expect_error(read_conversion(dir.path()), ErrorCode::kUnsupported, "a.npy: single bytes or integers of 32");
}

TEST(Undescribed, AByteWithoutAxesIsTaken) {
  const TempDir dir;
  write_zeros(dir / "a.npy", tensor::Dtype::kU8, {});
  const Result<Conversion> read = read_conversion(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->layers.at(0).original_shape, tensor::Shape{});
  EXPECT_EQ(read->layers.at(0).values.size(), 1u);
}

// Bytes become integers of 16 bits, and what had 16 bits before is no row of bytes.
TEST(Undescribed, IntegersOf16BitsAreTakenInRowsOf32) {
  const TempDir dir;
  write_zeros(dir / "a.npy", tensor::Dtype::kI16, {3, 32});
  const Result<Conversion> read = read_conversion(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->layers.at(0).original_shape, (tensor::Shape{3, 32}));
  EXPECT_EQ(read->layers.at(0).values.kind(), IntegerView::Kind::kI16);
}

TEST(Undescribed, ADirectoryThatCannotBeListedIsNotAnEmptyOne) {
  const TempDir dir;
  ASSERT_TRUE(write_file(dir / "file", "x").ok());
  expect_error(read_conversion(dir / "none"), ErrorCode::kIo,
               (dir / "none").string() + ": No such file or directory");
  expect_error(read_conversion(dir / "file"), ErrorCode::kIo, (dir / "file").string() + ": Not a directory");
}

// As the original's reshape writes it: no more of the conversion than how values became integers.
TEST(ReadHypercube, TheOriginalsFieldsKeepEncodingAndModel) {
  const TempDir dir;
  copy_seed_directory("seed_int_activations_hypercube", dir / "x");
  Json json = json_of(dir / "x" / "hypercube_metadata.json");
  const auto read = [&] {
    EXPECT_TRUE(write_file(dir / "x" / "hypercube_metadata.json", dump_json(json)).ok());
    return read_hypercube(dir / "x").value();
  };
  json["model_name"] = "sshleifer/tiny-gpt2";
  json["conversion_params"] = json["conversion_metadata"]["conversion"];
  json.erase("conversion_metadata");
  const Hypercube cube = read();
  EXPECT_EQ(cube.encoding, (encode::Encoding{encode::Encoding::Kind::kDecimal, 8}));
  EXPECT_EQ(cube.model_name, "sshleifer/tiny-gpt2");
  // Where the original found no metadata of a conversion.
  json["conversion_params"] = Json::object();
  EXPECT_EQ(read().encoding, std::nullopt);
}

TEST(ReadHypercube, ChecksMetadataAgainstTheArray) {
  const auto refuse = [](const std::function<void(Json&)>& change, ErrorCode code, const std::string& part) {
    expect_refusal("seed_int_activations_hypercube", "hypercube_metadata.json", read_hypercube, change, code,
                   part);
  };
  const auto cube = [](auto change) { return [change](Json& json) { change(json["hypercube"]); }; };
  refuse(cube([](Json& j) { j["dimensions"] = {8, 8}; }), ErrorCode::kMismatch, "dimensions");
  refuse(cube([](Json& j) { j["dimensions"] = {4, 4, 5}; }), ErrorCode::kMismatch, "axes differ");
  refuse(cube([](Json& j) { j["dimensions"] = Json::array(); }), ErrorCode::kOutOfRange, "");
  refuse(cube([](Json& j) { j["total_real_elements"] = 61; }), ErrorCode::kMismatch, "real count");
  refuse(cube([](Json& j) { j["padding_elements"] = 5; }), ErrorCode::kMismatch, "should be 4");
  refuse(cube([](Json& j) { j["product"] = 65; }), ErrorCode::kMismatch, "should be 64");
  // With "storage" the file says that it is ours, and its padding must come from the stream.
  refuse(cube([](Json& j) { j["storage"] = "object"; }), ErrorCode::kMismatch, "padding that the pad seed");
  refuse([](Json& j) { j["layer_map"][1]["flat_offset"] = 21; }, ErrorCode::kMismatch, "offsets");
  refuse([](Json& j) { j["layer_map"][1]["layer"] = "embedding"; }, ErrorCode::kMalformed, "two layers");
  refuse([](Json& j) { j["conversion_metadata"]["conversion"]["effective_scale"] = 9; }, ErrorCode::kMismatch,
         "truncated");
  refuse(
      [](Json& j) {
        j["conversion_params"] = {{"effective_scale", 8}};
      },
      ErrorCode::kMalformed, "missing");
  refuse(
      [](Json& j) {
        j["conversion_params"] = j["conversion_metadata"]["conversion"];
        j["conversion_params"]["effective_scale"] = 16;
        j["conversion_params"]["truncated_digits"] = 0;
      },
      ErrorCode::kMismatch, "are not those of conversion_metadata");
  refuse([](Json& j) { j["model_name"] = 3; }, ErrorCode::kMalformed, "model_name: a text is expected here");
  const TempDir dir;
  copy_seed_directory("seed_int_activations_hypercube", dir / "x");
  Json json = json_of(dir / "x" / "hypercube_metadata.json");
  json.erase("conversion_metadata");
  ASSERT_TRUE(write_file(dir / "x" / "hypercube_metadata.json", dump_json(json)).ok());
  EXPECT_EQ(read_hypercube(dir / "x").value().encoding, std::nullopt);
}

TEST(StageJson, WritesNothingThatIsNotRead) {
  const TempDir dir;
  const fs::path path = dir / std::string(kConversionJson);
  const auto staged = [&path](std::size_t size) {
    return stage_json(path, Json(std::string(size - 3, 'x')));  // quotes and a line break around it
  };
  EXPECT_TRUE(staged(kMaxDirectoryJson)->publish().ok());
  EXPECT_TRUE(JsonText::read(path, kMaxDirectoryJson).ok());
  expect_error(staged(kMaxDirectoryJson + 1), ErrorCode::kTooLarge, "conversion_metadata.json");
  ASSERT_TRUE(write_file(path, std::string(kMaxDirectoryJson + 1, ' ')).ok());
  expect_error(read_conversion(dir / ""), ErrorCode::kTooLarge, "conversion_metadata.json");
  expect_error(reshape(dir / "", {}), ErrorCode::kTooLarge, "conversion_metadata.json");
}

// There may be a million of them, and the next run replaces them.
TEST(Results, OpeningsOfAnEarlierRunAreNotKept) {
  const TempDir dir;
  const Directories directories{{}, {}, dir / ""};
  std::string text = R"({"digest":"x","timing":{"setup_time_s":1},"point_results":[0)";
  for (std::size_t i = 0; i < kMaxJsonValues; ++i) text += ",0";
  const fs::path path = dir / std::string(kResultsJson);
  ASSERT_TRUE(write_file(path, text + "]}").ok());
  const claim::Commitment commitment{
      {encode::Layout{encode::Layout::Kind::kFlat, Axes::parse("1", "").value(), 1, 0, {}}, {}, {}}, {}};
  const Result<Json> results = read_results(directories, commitment);
  ASSERT_TRUE(results.ok()) << results.error().to_string();
  EXPECT_EQ(dump_json(*results, -1), R"({"digest":"x","timing":{"setup_time_s":1}})");
  ASSERT_TRUE(write_file(path, text).ok());
  expect_error(read_results(directories, commitment), ErrorCode::kMalformed, "commitment_results.json");
}

TEST(PublishAll, TakesBackWhatItPublished) {
  const TempDir dir;
  ASSERT_TRUE(make_directory(dir / "out").ok());
  std::vector<AtomicFile> files;
  files.push_back(AtomicFile::create(dir / "out/a").value());
  files.push_back(AtomicFile::create(dir / "out/b").value());
  // The second name is taken by a directory meanwhile, so that its rename fails.
  ASSERT_TRUE(make_directory(dir / "out/b/c").ok());
  expect_error(publish_all(files), ErrorCode::kIo, "");
  EXPECT_FALSE(fs::exists(dir / "out/a"));
}

}  // namespace
}  // namespace assay::pipeline
