# What every target of ours is compiled with, and the libraries that all rooms share.
# Set for this folder and below alone: a project that adds this one keeps its own.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

include(GNUInstallDirs)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(sodium REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)

add_library(assay_flags INTERFACE)
target_compile_options(assay_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion)
# GCC 12 sees overlapping copies in `"literal" + string` where there are none (GCC bug 105651).
target_compile_options(assay_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# GCC 12 takes the undefined registers of its own AVX-512 intrinsics for forgotten initialisations (PR 105593).
target_compile_options(assay_flags INTERFACE
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-uninitialized;-Wno-maybe-uninitialized>")
# A loop that asks to be unrolled may stay rolled under sanitizers; it is only slower.
target_compile_options(assay_flags INTERFACE $<$<CXX_COMPILER_ID:Clang>:-Wno-pass-failed>)
if(CMAKE_UNITY_BUILD)
  # What one source calls a local variable, another may call a function. A type in a source's unnamed namespace looks
  # to GCC as if it stood in a header.
  target_compile_options(assay_flags INTERFACE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(assay_flags INTERFACE -Werror)
endif()
if(ASSAY_SANITIZE)
  target_compile_options(assay_flags INTERFACE
    -fsanitize=${ASSAY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(assay_flags INTERFACE -fsanitize=${ASSAY_SANITIZE})
  target_compile_definitions(assay_flags INTERFACE ASSAY_SANITIZED)
endif()
if(ASSAY_COVERAGE)
  target_compile_options(assay_flags INTERFACE --coverage)
  target_link_options(assay_flags INTERFACE --coverage)
endif()
if(ASSAY_FUZZ)
  # Coverage feedback in the libraries; only the fuzz targets link libFuzzer's main.
  target_compile_options(assay_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(assay_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# What most sources include anyway, read once: a third of a build's time. It must not become what a source relies on,
# so the preset `tidy` and projects that add this one read every source without it.
set(assay_precompiled
  <algorithm> <array> <charconv> <filesystem> <functional> <map> <memory> <optional> <random> <span> <string>
  <string_view> <variant> <vector> <fmt/format.h> <nlohmann/json.hpp>)
if(NOT PROJECT_IS_TOP_LEVEL)
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()

# assay_precompile(TARGET FAMILY [header...]): the targets of a family, compiled with the same flags, share what the
# first of them precompiles.
function(assay_precompile target family)
  # GCC 12 forgets in precompiled headers that std::string is the system's, and finds fault with its insides.
  target_compile_options(${target} PRIVATE
    "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>")
  get_property(owner GLOBAL PROPERTY assay_precompiled_${family})
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${assay_precompiled} ${ARGN})
  set_property(GLOBAL PROPERTY assay_precompiled_${family} ${target})
endfunction()
