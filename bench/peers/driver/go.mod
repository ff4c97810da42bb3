module github.com/simdrnn/simdrnn/bench/peers/driver

go 1.26.0
